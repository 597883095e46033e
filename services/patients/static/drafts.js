// What is being written and is not sent yet outlives a reload, a dead battery and a lost page. It lies
// in this phone only, under whose it is, and is gone when it is sent or at log-out.
"use strict";

const Drafts = (() => {
  const key = async (name) => {
    const whose = await Queue.owner();
    return whose === null ? null : `draft:${whose}:${name}`;
  };

  async function forget(name) {
    const at = await key(name);
    if (at) await Queue.set(at, null).catch(() => null);
  }

  // `read` answers what is written now, or null; `fill` puts it back where it stood.
  async function follow(form, name, { read, fill }) {
    let soon = null;
    const keep = async () => {
      const at = await key(name), now = read();
      if (at) await Queue.set(at, now).catch(() => null);
    };
    form.addEventListener("input", () => { clearTimeout(soon); soon = setTimeout(keep, 300); });
    form.addEventListener("change", keep);
    form.addEventListener("submit", () => clearTimeout(soon));
    addEventListener("pagehide", () => { if (soon && !form.querySelector("button[disabled]")) keep(); });
    const at = await key(name), kept = at && (await Queue.get(at).catch(() => null));
    if (!kept || read()) return;
    fill(kept);
    const note = document.createElement("div"), said = document.createElement("p"), again = document.createElement("button");
    note.className = "draft";
    note.setAttribute("role", "status");
    said.textContent = Queue.words.kept_draft;
    again.type = "button";
    again.className = "send o";
    again.textContent = Queue.words.forget_draft;
    again.addEventListener("click", async () => { await forget(name); location.reload(); });
    note.append(said, again);
    form.prepend(note);
  }

  return { follow, forget };
})();
