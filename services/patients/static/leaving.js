// A set-up page that nobody touches: its last minute is told, a touch is enough to stay, and when the
// session has ended nothing of what stood there is left. As on the worklist, by the server's clock.
"use strict";

(() => {
  const WARNED = 60_000; // the last minute is told
  const USED = 60_000; // a touch is told to the server at most so often
  const ASKED = 15_000; // how long is left, also when another page has used the session
  const bar = document.getElementById("idle");
  const said = document.getElementById("ended");
  const leave = document.getElementById("leave");
  let endsAt = Infinity;
  let usedAt = Date.now(); // the page itself was asked for
  let askedAt = 0;
  let hasEnded = false;

  async function ask() {
    askedAt = Date.now();
    const answer = await fetch("/setup/session", { redirect: "manual" }).catch(() => null);
    if (!answer) return; // the network is away: by what was heard last
    if (answer.status === 401 || answer.type === "opaqueredirect") return end();
    if (!answer.ok) return;
    const { left } = await answer.json().catch(() => ({ left: null }));
    endsAt = left === null ? Infinity : Date.now() + left * 1000;
    if (left === 0) end();
  }

  // At most once a minute, and at once when the end is near.
  async function used() {
    if (hasEnded || (Date.now() - usedAt < USED && endsAt - Date.now() > WARNED)) return;
    usedAt = Date.now();
    const headers = { "X-CSRF-Token": leave.querySelector("[name=csrf]").value };
    const answer = await fetch("/setup/stay", { method: "POST", headers }).catch(() => null);
    if (answer?.status === 401) return end();
    if (answer?.ok) ask();
  }

  function end() {
    if (hasEnded) return;
    hasEnded = true;
    clearInterval(ticking);
    for (const open of document.querySelectorAll("dialog")) open.remove();
    for (const each of document.querySelectorAll(".back, .tabs, .menu, .foot, #offline")) each.remove();
    const heading = document.createElement("h1");
    heading.className = "vh";
    heading.textContent = said.querySelector("b").textContent;
    document.getElementById("main").replaceChildren(heading);
    document.title = `${heading.textContent} · Hjemvakt`;
    bar.hidden = true;
    const next = encodeURIComponent(location.pathname + location.search);
    document.getElementById("again").href = `${said.dataset.at}?next=${next}`;
    said.hidden = false;
  }

  function tick() {
    if (Date.now() - askedAt > ASKED && !document.hidden) ask();
    const seconds = Math.ceil((endsAt - Date.now()) / 1000);
    if (seconds <= 0) return ask(); // only the server says that it is over
    const isNear = seconds * 1000 <= WARNED;
    if (bar.hidden === isNear) bar.hidden = !isNear; // told once, not every second
    if (isNear) document.getElementById("idle-left").textContent = `${seconds} s`;
  }

  leave.addEventListener("submit", async (event) => {
    // Where the worklist has another address a form may not lead there, and a script may.
    event.preventDefault();
    const answer = await fetch(leave.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(leave)),
      headers: { Accept: "application/json" },
    }).catch(() => null);
    const said = answer?.ok ? await answer.json().catch(() => null) : null;
    location.assign(said?.to ?? leave.dataset.at);
  });
  for (const touch of ["keydown", "pointerdown", "wheel"]) addEventListener(touch, used, { passive: true });
  document.getElementById("stay").addEventListener("click", used);
  document.addEventListener("visibilitychange", () => document.hidden || hasEnded || ask());
  // What the browser had kept of the page may be of a session that is over.
  addEventListener("pageshow", (event) => event.persisted && !hasEnded && ask());
  const ticking = setInterval(tick, 1000);
  ask();
})();
