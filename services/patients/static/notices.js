// Notices to this phone: asked for by a touch, never by the page itself.
"use strict";

(() => {
  const place = document.querySelector(".notices"), words = Queue.words;
  if (!place || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  const on = place.querySelector("[data-do=on]"), off = place.querySelector("[data-do=off]");
  const wrong = place.querySelector(".wrong");

  const raw = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

  async function told() {
    return (await navigator.serviceWorker.ready).pushManager.getSubscription();
  }

  async function show() {
    const is = (await told()) !== null;
    place.hidden = false;
    on.hidden = is;
    off.hidden = !is;
    place.querySelector(".is-on").hidden = !is;
  }

  async function post(path, body) {
    const found = await Queue.session();
    if (found === null) throw new Error("nobody");
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": found.csrf },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error("refused");
  }

  async function tried(work) {
    wrong.textContent = "";
    on.disabled = off.disabled = true;
    try {
      await work();
    } catch {
      wrong.textContent = Notification.permission === "denied" ? words.notices_no : words.notices_failed;
    }
    on.disabled = off.disabled = false;
    await show();
  }

  on.addEventListener("click", () => tried(async () => {
    const ready = await navigator.serviceWorker.ready;
    const made = await ready.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: raw(place.dataset.key) });
    const { endpoint, keys } = made.toJSON();
    try {
      await post("/me/notices", { endpoint, keys });
    } catch (error) {
      await made.unsubscribe();
      throw error;
    }
  }));

  off.addEventListener("click", () => tried(async () => {
    const made = await told();
    if (!made) return;
    await post("/me/notices/end", { endpoint: made.endpoint });
    await made.unsubscribe();
  }));

  show().catch(() => null);
})();
