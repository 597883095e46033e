// What the set-up pages do beside links and forms: print, ask before a last step, keys, and keep
// what was typed on this machine's page while the network is away.
"use strict";

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

document.addEventListener("submit", (event) => {
  const form = event.target, offline = document.getElementById("offline");
  offline.hidden = navigator.onLine;
  if (!navigator.onLine) {
    event.preventDefault();
    return;
  }
  if (form.dataset.ask && !form.dataset.asked && !window.confirm(form.dataset.ask)) {
    event.preventDefault();
    return;
  }
  // A second press while the first is on its way would ask for the same twice.
  setTimeout(() => { for (const each of form.querySelectorAll("button")) each.disabled = true; });
  window.addEventListener("pageshow", () => {
    for (const each of form.querySelectorAll("button")) each.disabled = false;
  }, { once: true });
});

// j and k walk down and up a list, as on the worklist; Enter opens, / goes to the search.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const rows = [...document.querySelectorAll("[data-walk] a")];
  const at = rows.findIndex((row) => row.hasAttribute("aria-current") || row === document.activeElement);
  if (event.key === "/") {
    const search = document.querySelector("[role=search] input:not([type=hidden])");
    if (search) { event.preventDefault(); search.focus(); }
  } else if (event.key === "j" || event.key === "k") {
    const next = rows[at + (event.key === "j" ? 1 : -1)] ?? (at < 0 ? rows[0] : undefined);
    if (next) next.click();
  } else {
    const act = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (act) { event.preventDefault(); act.focus(); if (act.matches("button")) act.click(); }
  }
});
