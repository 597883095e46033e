// Nothing is replaced or moved under a hand: what is pressed when the pointer goes down must still
// be there when it comes up, or the browser finds nothing to click. A number that is being marked
// stays marked.

const LONGEST = 5_000; // an up that never came must not keep a red away
const RELEASED = 120; // a touch is told as a click a moment after the finger has left
const OFTEN = 250;

const waiting = new Map(); // what is to be done, by what it is about: only the latest of each
let isDown = false;
let pressedAt = 0;
let markedAt = 0;
let timer = null;

// Does it now, or as soon as the hand is away; a later one about the same takes its place.
export function whenFree(about, action) {
  waiting.set(about, action);
  settle();
}

function settle() {
  clearTimeout(timer);
  if (!waiting.size) return;
  const left = Math.max(pressing(), marking());
  if (left > 0) {
    timer = setTimeout(settle, Math.min(left, OFTEN));
    return;
  }
  const actions = [...waiting.values()];
  waiting.clear();
  for (const action of actions) action();
}

// For how many milliseconds more the press, or what is marked, counts.
function pressing() {
  return pressedAt ? pressedAt + (isDown ? LONGEST : RELEASED) - performance.now() : 0;
}

function marking() {
  const marked = document.getSelection();
  const isOurs = marked && !marked.isCollapsed && document.getElementById("list")?.contains(marked.anchorNode);
  return isOurs ? markedAt + LONGEST - performance.now() : 0;
}

function down() {
  isDown = true;
  pressedAt = performance.now();
}

function up() {
  if (!isDown) return;
  isDown = false;
  pressedAt = performance.now();
  settle();
}

// Before anybody else hears of it. Space presses a button as the pointer does: when it comes up.
addEventListener("pointerdown", down, true);
for (const end of ["pointerup", "pointercancel", "dragend"]) addEventListener(end, up, true);
addEventListener("keydown", (event) => event.key === " " && !event.repeat && down(), true);
addEventListener("keyup", (event) => event.key === " " && up(), true);
document.addEventListener("selectionchange", () => (markedAt = performance.now()));

// What had the focus, by what it does, so that it is found again in what takes its place. A row's
// name and its lines are the list's own matter.
export function keptFocus() {
  const had = document.activeElement;
  const name = had?.closest?.("#list, #filters, #sum") && !had.matches(".nm, .line") ? nameOf(had) : null;
  return () => {
    if (name && !had.isConnected) document.querySelector(name)?.focus({ preventScroll: true });
  };
}

function nameOf(one) {
  if (one.id) return `#${CSS.escape(one.id)}`;
  const fold = one.closest("details[id]");
  if (one.tagName === "SUMMARY") return fold && `#${CSS.escape(fold.id)} > summary`;
  const whose = one.closest("[data-task], .row[id]");
  const within = whose?.id ? `#${CSS.escape(whose.id)}`
    : whose ? `[data-task="${CSS.escape(whose.dataset.task)}"]` : ":is(#list, #filters, #sum)";
  const does = ["data-do-task", "data-key", "href"].find((each) => one.hasAttribute(each));
  return does ? `${within} [${does}="${CSS.escape(one.getAttribute(does))}"]` : null;
}
