// What the set-up pages do beside links and forms: print, ask before something is discarded, a key
// for the search, and keep what was typed on the page while the network is away.
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

// As on the worklist, / goes to the search.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const search = document.querySelector("[role=search] input:not([type=hidden])");
  if (search) { event.preventDefault(); search.focus(); }
});
