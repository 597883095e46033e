// The patient's page: typing a reading with as few touches as may be, and what happens to it.
"use strict";

(() => {
  const words = Queue.words;
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const shown = (number, decimals) =>
    String(Number(number.toFixed(decimals))).replace(".", words.decimal).replace("-", "−");

  // --- one reading ------------------------------------------------------------------------

  for (const form of document.querySelectorAll("form.entry")) entry(form);

  function entry(form) {
    const inputs = [...form.querySelectorAll("input")];
    const wrong = form.querySelector(".wrong"), doubt = form.querySelector(".doubt");
    const button = form.querySelector("button[type=submit]"), pad = form.querySelector(".pad");
    const change = form.querySelector(".change");
    let at = inputs[0];
    if (!form.closest("details")) at.focus({ preventScroll: true });
    for (const input of inputs) {
      input.addEventListener("focus", () => { at = input; });
      input.addEventListener("input", told);
    }
    pad.addEventListener("click", (event) => {
      const key = event.target.closest("button")?.dataset.key;
      if (!key) return;
      if (key === "x") at.value = at.value.slice(0, -1);
      else if (at.value.length < 8) at.value += key === "," ? words.decimal : key;
      at.focus({ preventScroll: true });
      onwards();
      told();
    });

    // A pressure has no more digits than three: on to the next field without a touch.
    function onwards() {
      const next = inputs[inputs.indexOf(at) + 1];
      const whole = Number(at.dataset.decimals) === 0;
      const full = at.value.length === 3 || (at.value.length === 2 && Number(at.value) > 30);
      if (next && whole && full && at.name !== "value") next.focus({ preventScroll: true });
    }

    function read(input) {
      const text = input.value.trim().replace(",", ".");
      return /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : text === "" ? null : NaN;
    }

    function said() {
      return inputs.filter((input) => input.value.trim() !== "")
        .map((input) => `${shown(read(input), 3)} ${input.dataset.unit}`.trim());
    }

    function summary() {
      const [first, second] = inputs;
      if (first.name === "systolic" && second.value) return `${first.value}/${second.value} mmHg`;
      return said().join(", ");
    }

    function told() {
      wrong.textContent = "";
      doubt.hidden = true;
      const filled = inputs.some((input) => input.value.trim() !== "");
      const fine = inputs.every((input) => !Number.isNaN(read(input)));
      button.textContent = filled && fine ? fill(words.send, { value: summary() }) : words.send_plain;
      const last = Number(inputs[0].dataset.last), value = read(inputs[0]);
      change.textContent = inputs.length > 1 || !inputs[0].dataset.last || !value ? "" : moved(value, last, inputs[0]);
    }

    function moved(value, last, input) {
      const by = Math.abs(value - last);
      if (by < 0.05) return words.same;
      const text = `${shown(by, Number(input.dataset.decimals))} ${input.dataset.unit}`;
      return fill(value > last ? words.more : words.less, { change: text });
    }

    // What cannot be: said, and not sent. What is only unlikely is asked about, once.
    function fault() {
      for (const input of inputs) {
        const value = read(input), label = input.dataset.label;
        if (value === null) {
          if (input.getAttribute("aria-required")) return [input, fill(words.needed, { name: label.toLowerCase() })];
        } else if (Number.isNaN(value)) {
          return [input, fill(words.number, { example: Number(input.dataset.decimals) ? `82${words.decimal}4` : "82" })];
        } else if (value < Number(input.dataset.low) || value > Number(input.dataset.high)) {
          return [input, fill(words.impossible, { name: label, value: `${input.value} ${input.dataset.unit}`.trim() })];
        }
      }
      const field = (name) => inputs.find((input) => input.name === name);
      for (const [low, high] of Object.entries(JSON.parse(form.dataset.below))) {
        if (read(field(low)) >= read(field(high))) return [field(low), words.below];
      }
      return null;
    }

    function doubts() {
      return inputs.flatMap((input) => {
        const value = read(input), data = input.dataset;
        if (value === null) return [];
        const text = `${input.value} ${data.unit}`.trim(), last = Number(data.last);
        const by = `${shown(Math.abs(value - last), Number(data.decimals))} ${data.unit}`.trim();
        if (data.doubt && data.last && Math.abs(value - last) > Number(data.doubt)) {
          return [fill(value > last ? words.far_more : words.far_less, { value: text, change: by })];
        }
        const unusual = data.usualLow && (value < Number(data.usualLow) || value > Number(data.usualHigh));
        return unusual && !data.last ? [fill(words.unusual, { value: text })] : [];
      });
    }

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const found = fault();
      if (found) {
        wrong.textContent = found[1];
        found[0].setAttribute("aria-invalid", "true");
        found[0].focus();
        return;
      }
      const questions = doubts();
      if (questions.length && doubt.hidden) {
        doubt.hidden = false;
        doubt.querySelector(".what").textContent = questions.join(" ");
        doubt.querySelector("h2").focus();
        doubt.scrollIntoView({ block: "nearest" });
        return;
      }
      deliver();
    });
    doubt.querySelector("[data-do=yes]").addEventListener("click", deliver);
    doubt.querySelector("[data-do=no]").addEventListener("click", () => {
      doubt.hidden = true;
      at.focus();
    });

    function deliver() {
      const values = Object.fromEntries(inputs.filter((input) => input.value.trim() !== "")
        .map((input) => [input.name, input.value.trim().replace(",", ".")]));
      const item = { kind: form.dataset.kind, values };
      if (form.dataset.replaces) item.replaces = form.dataset.replaces;
      Me.deliver({ item, name: form.dataset.name, value: summary() }, form);
    }
  }

  // --- a photo ----------------------------------------------------------------------------

  const photo = document.querySelector("form.photo");
  if (photo) {
    const picture = photo.querySelector("img"), wrong = photo.querySelector(".wrong");
    photo.file.addEventListener("change", () => {
      const file = photo.file.files[0];
      picture.hidden = !file;
      if (file) picture.src = URL.createObjectURL(file);
      photo.querySelector(".chosen").textContent = file ? file.name : "";
      wrong.textContent = "";
    });
    photo.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = photo.file.files[0];
      if (!file) { wrong.textContent = words.no_photo; return; }
      const about = { kind: photo.elements.kind.value };
      if (photo.note.value.trim()) about.note = photo.note.value.trim();
      Me.deliver({ file, about, name: words.photo, value: "" }, photo);
    });
  }

  // --- whatever is open -------------------------------------------------------------------

  let delivering = false, lying = null; // what this page has said lies in the phone: {id, place}

  async function look() {
    try {
      await Queue.send();
    } catch { /* no network: it stays where it is */ }
    await Queue.show();
    if (delivering || (lying && await arrived(lying.id, lying.place))) return;
    sayCrisis();
  }

  // Goes on to what has become of it once it lies here no longer.
  async function arrived(id, place) {
    if (await Queue.lies(id).catch(() => true)) return false;
    const result = Queue.receipts.get(id)?.result;
    location.assign(place && result && result !== "quarantined" ? place : `/me/sent/${id}`);
    return true;
  }

  // What the intake said to something sent a while ago is not kept for a page he may never open.
  function sayCrisis() {
    const kept = JSON.parse(sessionStorage.getItem("crisis"));
    if (!kept) return;
    if (document.getElementById("crisis")) {
      sessionStorage.removeItem("crisis");
      Me.crisis(kept.told);
    } else if (!document.querySelector("form.entry, form.photo, form.letter")) {
      location.assign(`/me/sent/${kept.id}`);
    }
  }

  let read = new Date(); // when what stands here was true

  // "Somebody watches now" is true of the moment it was read, and of no other.
  function stale() {
    const at = read.toLocaleString(document.documentElement.lang,
      { weekday: "long", hour: "2-digit", minute: "2-digit" });
    for (const watch of document.querySelectorAll(".watch")) {
      const said = document.createElement("p");
      said.textContent = fill(words.stale, { at });
      watch.replaceChildren(said);
    }
    document.getElementById("live").dataset.was = ""; // shown anew as soon as there is contact
  }

  // What was sent may be judged or seen a moment later: the page asks, it does not pretend.
  async function poll(times) {
    if (times === 0 || document.hidden) return;
    try {
      const answer = await fetch(location.href);
      // Logged out since: nobody's record stays on a screen that another may pick up.
      if (answer.redirected || [401, 403].includes(answer.status)) {
        location.replace(answer.redirected ? answer.url : "/me");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = fresh.getElementById("live"), live = document.getElementById("live");
      const said = document.getElementById("crisis");
      read = new Date();
      if (now && now.innerHTML !== live.dataset.was) {
        live.dataset.was = now.innerHTML;
        if (said && !said.hidden) now.querySelector("#crisis")?.replaceWith(said);
        live.replaceChildren(...now.childNodes);
      }
    } catch { stale(); }
    setTimeout(() => poll(times - 1), times > 20 ? 1500 : 15000);
  }

  async function begin() {
    const isOffline = document.body.classList.contains("offline");
    if (isOffline) {
      const known = (await Queue.owner()) !== null;
      document.querySelector(".known").hidden = !known;
      document.querySelector(".unknown").hidden = known;
    } else if (document.querySelector(".tabs, form.entry, form.form, form.photo, form.letter")) {
      await Queue.session().catch(() => null);
    }
    await look();
    if (document.body.dataset.poll === "1") setTimeout(() => poll(24), 1000);
  }

  document.querySelector("form.out")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    await Queue.remember(null).catch(() => null);
    event.target.submit();
  });
  // A page that was put away yesterday shows today as soon as it is looked at again.
  const again = () => { if (!document.hidden && document.getElementById("live")) poll(1); };
  document.addEventListener("visibilitychange", again);
  addEventListener("pageshow", (event) => { if (event.persisted) again(); });
  addEventListener("online", () => {
    if (document.body.classList.contains("offline") && !document.querySelector(".saved:not([hidden])")) location.reload();
    else { look(); again(); }
  });
  // Left open on the table: who watches changes with the hour.
  setInterval(again, 300000);
  setInterval(look, 30000);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/me/worker.js", { scope: "/me" }).catch(() => null);

  // --- what the forms use too -------------------------------------------------------------

  window.Me = {
    fill,

    // Kept first, then sent; the page says which of the two has happened.
    async deliver(thing, form, place, draft) {
      for (const one of form.querySelectorAll("button")) one.disabled = true;
      Queue.say(words.sent_now);
      delivering = true;
      let kept;
      try {
        kept = await Queue.add(thing);
        if (draft) await Drafts.forget(draft);
      } catch {
        delivering = false;
        for (const one of form.querySelectorAll("button")) one.disabled = false;
        const wrong = form.querySelector(".wrong");
        wrong.hidden = false;
        wrong.textContent = words.no_storage;
        return;
      }
      try {
        await Queue.send();
      } catch { /* no network */ }
      if (await arrived(kept.id, place)) return;
      delivering = false;
      lying = { id: kept.id, place };
      const saved = document.querySelector(".saved"), lang = document.documentElement.lang;
      document.querySelector(".typing").hidden = true;
      saved.hidden = false;
      saved.querySelector("h1").textContent = fill(words.saved, { value: thing.value || thing.name });
      saved.querySelector(".why").textContent = words.saved_why;
      saved.querySelector(".call").textContent = words.saved_call;
      saved.lang = lang;
      saved.querySelector("h1").focus();
      Queue.say("");
      scrollTo(0, 0);
      await Queue.show();
    },

    // What the intake says at once to an answer that is red by itself.
    crisis(told) {
      const place = document.getElementById("crisis");
      if (!place) return;
      const text = document.createElement("p");
      text.textContent = told[document.documentElement.lang] ?? told.nb;
      const numbers = document.createElement("div");
      numbers.className = "nums";
      for (const one of told.numbers) {
        const link = document.createElement("a"), bold = document.createElement("b"), why = document.createElement("span");
        link.className = one.number === "113" ? "call x" : "call";
        link.href = `tel:${one.number}`;
        bold.textContent = one.number.replace(/^(116)(\d+)$/, "$1 $2");
        why.textContent = one[document.documentElement.lang] ?? one.nb;
        const both = document.createElement("span");
        both.append(bold, why);
        link.append(both);
        numbers.append(link);
      }
      place.replaceChildren(text, numbers);
      place.hidden = false;
    },
  };

  begin();
})();
