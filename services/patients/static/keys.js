// Keys of the set-up desk, as on the worklist: j and k go through the rows, Enter opens, a letter
// does what stands beside it, ? tells all. And a page that waits for something asks again by itself.
"use strict";

const help = document.getElementById("help");
const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);

function step(by) {
  const shown = rows();
  const at = shown.findIndex((row) => row === document.activeElement);
  const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : at + by];
  if (next) {
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
}

// What has the key: a field gets the cursor, a link or a button is pressed.
function press(key) {
  if (key === "j" || key === "k") {
    if (rows().length) return step(key === "j" ? 1 : -1);
  }
  if (key === "?" && help) return help.open ? help.close() : help.showModal();
  const meant = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!meant) return undefined;
  const fold = meant.closest("details");
  if (fold) fold.open = true;
  if (meant.matches("input, textarea, select")) return meant.focus();
  return meant.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key.length > 1) return;
  if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select")) return;
  if (help?.open && event.key !== "?") return;
  const known = event.key === "?" ? help : document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!known && !("jk".includes(event.key) && rows().length)) return;
  event.preventDefault();
  press(event.key);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-press]");
  if (button) press(button.dataset.press);
});

// ---- What is not done yet --------------------------------------------------------------------

const PATIENCE = 1000; // between two questions

async function again() {
  const waits = document.querySelector("[data-waits]");
  if (!waits) return;
  const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (answer?.ok && !answer.redirected) {
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = fresh.getElementById(waits.id);
    if (now) waits.replaceWith(now);
  }
  setTimeout(again, PATIENCE);
}

setTimeout(again, PATIENCE);
