// The list: keys, moves, and changes that arrive without moving the row under the cursor.

import { keptFocus, whenFree } from "./holding.js";
import { count, countFromNow, fill, follow, fromNow, gone, isForPage, sendOnEnter, serverIs, start, tellAges, token, words } from "./live.js";

const LANES = ["clinical", "technical", "messages", "paused", "done"];
const AGAIN = 2_000; // after a list that could not be read
const query = document.body.dataset.query;
const toast = document.getElementById("toast");
const news = document.getElementById("news");
const help = document.getElementById("help");
const movedDialog = document.getElementById("moved");
const search = document.getElementById("search");
const hits = document.getElementById("hits");

let selected = null; // id of the chosen row
let actedOn = null; // id of its alert that the keys act on
let lastClosed = null; // {id, version, row}: what `u` opens again
let lastGreens = []; // ids of patients: what `u` takes back
let drafts = {}; // what was typed and chosen when somebody else was quicker
let waitingSwap = null; // a change that came while a dialog was open
let asked = 0;
let refreshedAt = 0;
let soon = null;

const list = () => document.getElementById("list");
const rows = () => [...list().querySelectorAll(".row[data-find]")];
const chosen = () => (selected ? document.getElementById(selected) : null);
const isShown = (row) => row.offsetParent !== null;
// What carries the alert that the keys act on: a line of the chosen row, or the row itself.
const acting = () => chosen()?.querySelector(".line.on") ?? chosen();
const focusOf = (row) => row.querySelector(".line.on") ?? row.querySelector(".nm");

// ---- Choosing a row --------------------------------------------------------------------------

function choose(row, { focus = true, line = null, scroll = true } = {}) {
  for (const each of list().querySelectorAll(".row.sel")) {
    each.classList.remove("sel");
    each.removeAttribute("aria-current");
  }
  selected = row?.id ?? null;
  actedOn = (line ?? row)?.dataset.alert ?? null;
  if (!row) return;
  mark(row, false);
  const fold = row.closest("details");
  if (fold) fold.open = true;
  if (focus) focusOf(row).focus({ preventScroll: true });
  if (scroll) row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const shown = rows().filter(isShown);
  const at = shown.findIndex((row) => row.id === selected);
  const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : at + by;
  if (shown[next]) choose(shown[next]);
}

// The first alert that nobody has acknowledged or put off, be it the row's or a line of it: clinical
// before technical, reds before yellows, and last what this person may not acknowledge. A morning is
// gone through with one key, and nothing is stepped over when an acknowledged row moves down.
function firstWaiting() {
  const isHers = ({ dataset }) => !("moves" in dataset) || dataset.moves.includes("acknowledge");
  const rank = (one) => [!isHers(one), one.dataset.colour !== "red"];
  const waits = ["clinical", "technical"].flatMap((lane) =>
    [...document.querySelectorAll(`#lane-${lane} [data-alert][data-state=open]`)]
      .map((one) => [...rank(one), one])
      .sort(([a, b], [c, d]) => a - c || b - d)
      .map(([, , one]) => one));
  const first = waits.find(isHers) ?? waits[0];
  if (first) choose(first.closest(".row"), { line: first.closest(".line") });
  else tell(words.moves.none_waits);
}

// From the row's own alert to its lines, and round again.
function nextLine() {
  const row = chosen();
  if (!row) return tell(words.moves.choose_row);
  const all = [row, ...row.querySelectorAll(".line")];
  const next = all[(all.indexOf(acting()) + 1) % all.length];
  choose(row, { line: next.closest(".line") });
}

function toLane(digit) {
  const lane = document.getElementById(`lane-${LANES[digit - 1]}`);
  if (!lane) return;
  lane.scrollIntoView({ block: "start" });
  const first = [...lane.querySelectorAll(".row[data-find]")].find(isShown);
  if (first) choose(first);
  else lane.querySelector("button, summary")?.focus();
}

// ---- Changes ---------------------------------------------------------------------------------

// Ten changes a second are one reading of the list a second.
function refreshSoon() {
  soon ??= setTimeout(() => {
    soon = null;
    refresh();
  }, Math.max(0, refreshedAt + 1000 - Date.now()));
}

// The session has ended: names, reasons and values go, colours and counts stay as they were.
function conceal() {
  choose(null);
  clearTimeout(rereadAt.timer);
  clearTimeout(soon);
  waitingSwap = null;
  asked += 1; // an answer under way is not shown
  const all = document.querySelectorAll(".c-pt, .c-pr, .c-why, .c-val, .c-sp, .c-who, #filters ul");
  for (const each of all) each.replaceChildren();
  for (const row of list().querySelectorAll(".row")) {
    for (const name of Object.keys(row.dataset)) delete row.dataset[name];
    row.removeAttribute("id");
  }
  for (const each of document.querySelectorAll("#lane-tasks, #news, .foot, .search")) each.remove();
  for (const place of document.querySelectorAll("[data-who], [data-reason]")) place.textContent = "";
  toast.hidden = true;
}

async function refresh() {
  const turn = ++asked;
  refreshedAt = Date.now();
  const response = await fetch(`/rows?${query}`, { headers: { Accept: "text/html" } }).catch(() => null);
  if (response && gone(response)) return;
  const text = response?.ok ? await response.text().catch(() => null) : null;
  if (turn !== asked) return; // a later one shows more
  if (text !== null) return whenFree("list", () => swapLatest(turn, text));
  // The heartbeat goes on and says that the list is of now: what it lacks must come all the same.
  soon ??= setTimeout(() => {
    soon = null;
    refresh();
  }, AGAIN);
}

// While a hand was on the list, a later one may have been asked for.
function swapLatest(turn, text) {
  if (turn === asked) swap(text);
}

function swap(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const sum = fresh.getElementById("sum");
  document.title = sum.dataset.title;
  serverIs(sum.dataset.now);
  rereadAt(sum.dataset.rereadAt);
  document.getElementById("sum").replaceWith(sum);
  if (document.querySelector("dialog[open]")) {
    waitingSwap = text; // what the nurse is judging stays; the counts above are already new
    return;
  }
  waitingSwap = null;
  const held = heldRow();
  const before = new Set(rows().map((row) => row.id));
  const order = rows().filter(isShown).map((row) => row.id);
  const hadFocus = list().contains(document.activeElement);
  const focus = keptFocus();
  const unfolded = document.getElementById("green-rows")?.open ?? false;

  list().style.paddingTop = "";
  document.body.style.minHeight = "";
  // Not while a name for the filter is being typed there.
  if (!document.querySelector(".keepf[open]")) {
    document.getElementById("filters").replaceWith(fresh.getElementById("filters"));
  }
  list().replaceWith(fresh.getElementById("list"));
  const fold = document.getElementById("green-rows");
  if (fold) fold.open = unfolded;

  const row = chosen() ?? nextOf(order);
  if (row) mark(row, hadFocus);
  focus();
  if (held) hold(held);
  announce(rows().filter((each) => !before.has(each.id)));
  tellAges();
}

// When an emergency access ends, the list shows again what is shut; nothing else may happen then.
function rereadAt(iso) {
  clearTimeout(rereadAt.timer);
  if (!iso) return;
  rereadAt.timer = setTimeout(refresh, Math.max(1000, fromNow(iso) + 1000));
}

// Marks the row again without scrolling: hold() decides where the page stands. The keys stay with
// the alert they were on, also when a graver one has come before it.
function mark(row, hadFocus) {
  selected = row.id;
  row.classList.add("sel");
  row.setAttribute("aria-current", "true");
  for (const line of row.querySelectorAll(".line")) {
    line.classList.toggle("on", line.dataset.alert === actedOn);
    line.setAttribute("aria-pressed", line.dataset.alert === actedOn);
  }
  actedOn = acting()?.dataset.alert ?? null;
  if (hadFocus) focusOf(row).focus({ preventScroll: true });
}

// The chosen row is gone (closed, moved to another unit): the one that took its place.
function nextOf(order) {
  if (!selected) return null;
  const at = order.indexOf(selected);
  selected = null;
  for (const id of order.slice(at + 1)) {
    const row = document.getElementById(id);
    if (row) return row;
  }
  return null;
}

// The row under the pointer, else the chosen one if it is in view: it must not move.
function heldRow() {
  const under = list().querySelector(".row:hover");
  const row = under ?? chosen();
  if (!row || !isShown(row)) return null;
  const { top, bottom } = row.getBoundingClientRect();
  return bottom > 0 && top < innerHeight ? { id: row.id, top } : null;
}

function hold({ id, top }) {
  const row = document.getElementById(id);
  if (!row || !isShown(row)) return;
  const off = () => row.getBoundingClientRect().top - top;
  scrollBy({ top: off(), behavior: "instant" });
  if (off() < -0.5) {
    list().style.paddingTop = `${-off()}px`; // nothing above to scroll to: keep the space
  } else if (off() > 0.5) {
    document.body.style.minHeight = `${document.documentElement.scrollHeight + off()}px`;
    scrollBy({ top: off(), behavior: "instant" });
  }
}

function announce(fresh) {
  if (!fresh.length) return;
  const red = fresh.filter((row) => row.classList.contains("red")).length;
  const text = count(words.stale.news, fresh.length) + (red ? `, ${count(words.reds, red)}` : "");
  tell(text);
  const top = document.getElementById("sum").getBoundingClientRect().bottom;
  const above = fresh.filter((row) => isShown(row) && row.getBoundingClientRect().top < top);
  news.hidden = above.length === 0;
  news.querySelector("span").textContent = text;
  news.onclick = () => {
    news.hidden = true;
    list().style.paddingTop = "";
    scrollTo({ top: 0, behavior: "instant" });
    choose(document.getElementById(above[0]?.id) ?? rows()[0]);
  };
}

function tell(text) {
  toast.hidden = false;
  toast.firstElementChild.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => (toast.hidden = true), 6000);
}

// ---- Moves -----------------------------------------------------------------------------------

function openMove(move, about) {
  const row = chosen();
  const on = acting()?.dataset;
  const alert = about ?? (on?.alert && { id: on.alert, version: Number(on.version), row: facts(row, on) });
  if (!row && !about) return tell(words.moves.choose_row);
  if (!about && "shut" in row.dataset) return tell(row.dataset.reason);
  if (!alert) return row.dataset.green && move === "acknowledge"
    ? acknowledgeGreens([row]) : tell(words.moves.no_alert);
  const allowed = on?.moves;
  if (!about && allowed !== undefined && !allowed.split(" ").includes(move)) {
    return tell(words.moves.not_allowed);
  }
  const dialog = document.querySelector(`dialog[data-move=${move}]`);
  const form = dialog.querySelector("form");
  if (move === "hand-over" && form.unit.options.length < 3) return tell(words.moves.no_unit);
  form.reset();
  for (const [name, typed] of Object.entries(drafts[alert.id + move] ?? {})) form[name].value = typed;
  countFromNow(form);
  for (const part of form.querySelectorAll("[data-if-red]")) {
    const red = on?.colour === "red";
    part.hidden = !red; // a red is put off only when it is said twice
    part.querySelector("input").required = red;
  }
  if (move === "close") form.note.required = on?.colour !== "yellow";
  dialog.querySelector(".wrong").hidden = true;
  describe(dialog, alert.row);
  dialog.querySelector("[data-reason]").textContent = alert.row.reason;
  form.onsubmit = (event) => {
    event.preventDefault();
    send(dialog, form, move, alert);
  };
  dialog.showModal();
  (form.querySelector("input:checked") ?? form.querySelector("input, select, textarea") ?? form.querySelector("[type=submit]")).focus();
}

const facts = ({ dataset: { name, about } }, { reason }) => ({ name, about, reason });

// Two identifiers and age in every dialog: the wrong patient must be seen before the move.
function describe(dialog, { name, about }) {
  const place = dialog.querySelector("[data-who]");
  const strong = document.createElement("b");
  strong.textContent = name;
  place.replaceChildren(strong, ` · ${about}`);
}

async function send(dialog, form, move, alert) {
  const body = { move, version: alert.version };
  for (const [key, value] of new FormData(form)) if (value) body[key] = value;
  if (body.confirm) body.confirm = true;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const response = await post(`/v1/alerts/${alert.id}/moves`, body);
  button.disabled = false;
  if (!response) return wrong(dialog, words.moves.away);
  if (gone(response)) return;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) {
    delete drafts[alert.id + move];
    lastClosed = move === "close"
      ? { id: alert.id, version: answer.version ?? alert.version + 1, row: alert.row } : null;
    stands(alert.id, answer);
    dialog.close();
    tell(`${words.moves.done[move]}: ${alert.row.name}`);
    await refresh();
  } else if (response.status === 409 && answer.code === "alert-has-moved") {
    drafts[alert.id + move] = typed(form);
    dialog.close();
    showMoved(answer.alert ?? {}, alert);
    await refresh();
  } else {
    wrong(dialog, response.status === 409 ? words.moves.not_allowed : words.moves.failed);
  }
}

// Not the time, which is counted from now, nor that a red is put off: that is said anew.
function typed(form) {
  const kept = Object.fromEntries(new FormData(form));
  delete kept.until;
  delete kept.confirm;
  return kept;
}

// The next key may come before the list has been read again; it must not meet our own move.
function stands(id, answer) {
  waitingSwap = null;
  const on = list().querySelector(`[data-alert="${id}"]`)?.dataset;
  if (!on || answer.version === undefined) return;
  on.version = answer.version;
  on.state = answer.state;
  if (answer.moves) on.moves = answer.moves.join(" ");
}

function showMoved(now, alert) {
  const who = now.assignee_name ?? now.assignee?.name ?? words.none;
  const by = now.moved_by?.name;
  const title = by ? fill(words.moves.moved_by, { name: by }) : words.moves.moved;
  movedDialog.querySelector("[data-title]").textContent = title;
  describe(movedDialog, alert.row);
  movedDialog.querySelector("[data-standing]").textContent = fill(words.moves.moved_now, {
    colour: words.colours[now.colour] ?? now.colour ?? "",
    state: words.states[now.state] ?? now.state ?? "",
    who,
  });
  movedDialog.showModal();
}

function wrong(dialog, text) {
  const place = dialog.querySelector(".wrong");
  place.textContent = text;
  place.hidden = false;
}

async function post(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...token() },
    body: JSON.stringify(body),
  }).catch(() => null);
}

// Only greens may be taken together, and only those that stand on this screen as green.
async function acknowledgeGreens(these) {
  const greens = (these ?? [...list().querySelectorAll("[data-green]")]);
  if (!greens.length) return tell(words.greens.none);
  if (!these && !(await isSure(greens.length))) return;
  const response = await post("/v1/worklist/greens", {
    patients: greens.map((row) => ({ id: row.dataset.green, unit: row.dataset.unit })),
    as_of: document.getElementById("sum").dataset.asOf,
  });
  if (!response) return tell(words.moves.away);
  if (gone(response)) return;
  if (!response.ok) return tell(words.moves.failed);
  const { acknowledged = 0, refused = [], taken = [] } = await response.json();
  lastGreens = taken;
  lastClosed = null;
  tell(refused.length
    ? fill(words.greens.some, { n: acknowledged, m: refused.length })
    : fill(words.greens.undo, { n: acknowledged }));
  await refresh();
}

function isSure(n) {
  const dialog = document.getElementById("greens-sure");
  dialog.querySelector("[data-sure]").textContent = count(words.greens.sure_text, n);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}

async function takeBackGreens() {
  const response = await post("/v1/worklist/greens/undo", { patients: lastGreens });
  if (!response) return tell(words.moves.away);
  if (gone(response)) return;
  if (!response.ok) return tell(words.moves.failed);
  const { undone = [] } = await response.json();
  lastGreens = [];
  tell(fill(words.greens.undone, { n: undone.length }));
  await refresh();
}

// ---- Tasks: done, taken, given back ----------------------------------------------------------

async function moveTask(button) {
  const item = button.closest("[data-task]");
  const move = button.dataset.doTask;
  const body = { move, version: Number(item.dataset.version) };
  if (move === "decline") return declineTask(item, body);
  button.disabled = true;
  const response = await postTask(item, body);
  if (response && gone(response)) return;
  if (!response?.ok) tell(response ? words.task_failed : words.moves.away);
  await refresh();
}

function declineTask(item, body) {
  const dialog = document.getElementById("task-decline");
  const form = dialog.querySelector("form");
  form.reset();
  dialog.querySelector(".wrong").hidden = true;
  describe(dialog, { name: item.dataset.name, about: item.dataset.about });
  dialog.querySelector("[data-reason]").textContent = item.dataset.text;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    const response = await postTask(item, { ...body, note: form.note.value });
    button.disabled = false;
    if (response && gone(response)) return;
    if (!response?.ok) return wrong(dialog, response ? words.task_failed : words.moves.away);
    dialog.close();
    tell(`${words.moves.done.decline}: ${item.dataset.name}`);
    await refresh();
  };
  dialog.showModal();
  form.note.focus();
}

function postTask(item, body) {
  return post(`/v1/tasks/${item.dataset.task}/moves`, body);
}

// ---- Search: goes to a row, never hides one --------------------------------------------------

function find({ focus = false } = {}) {
  const wanted = search.value.trim().toLocaleLowerCase();
  const found = wanted ? rows().filter((row) => row.dataset.find.includes(wanted)) : [];
  hits.textContent = !wanted ? "" : found.length ? count(words.hits, found.length) : words.no_hits;
  if (wanted && !focus) search.toggleAttribute("aria-invalid", !found.length);
  if (wanted) tell(hits.textContent);
  if (found.length) choose(found[0], { focus });
}

// ---- Keys ------------------------------------------------------------------------------------

const KEYS = {
  m: () => nextLine(),
  j: () => step(1),
  k: () => step(-1),
  f: () => firstWaiting(),
  Enter: () => {
    const row = chosen();
    if (row) row.querySelector(".nm").click();
    else tell(words.moves.choose_row);
  },
  a: () => openMove("assign"),
  c: () => openMove("acknowledge"),
  s: () => openMove("snooze"),
  n: () => openMove("note"),
  e: () => openMove("escalate"),
  x: () => openMove("close"),
  h: () => openMove("hand-over"),
  t: () => {
    const row = chosen();
    if (!row) tell(words.moves.choose_row);
    else if ("shut" in row.dataset) tell(row.dataset.reason);
    else location.assign(`${row.querySelector(".nm").href}#contacts`);
  },
  y: () => openMove("accept"),
  v: () => openMove("decline"),
  u: () => {
    if (lastClosed) return openMove("reopen", lastClosed);
    return lastGreens.length ? takeBackGreens() : tell(words.moves.nothing_to_undo);
  },
  g: () => acknowledgeGreens(),
  r: () => document.getElementById("show-hidden")?.click(),
  p: () => document.getElementById("paper").click(),
  "/": () => search.focus(),
  "?": () => help.showModal(),
  Escape: () => {
    document.activeElement?.blur();
    choose(null);
  },
  1: () => toLane(1),
  2: () => toLane(2),
  3: () => toLane(3),
  4: () => toLane(4),
  5: () => toLane(5),
};

document.addEventListener("keydown", (event) => {
  if (event.target === search) {
    if (event.key === "Enter") find({ focus: true });
    if (event.key === "Escape") {
      search.value = "";
      search.blur();
    }
    return;
  }
  if (!isForPage(event) || !KEYS[event.key]) return;
  // Enter on a link, a button or a fold is theirs; on a line it opens the patient, as on the row.
  if (event.key === "Enter" && event.target.closest("a, button:not(.line), summary")) return;
  event.preventDefault();
  KEYS[event.key]();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-key]");
  if (button) return KEYS[button.dataset.key]?.();
  const task = event.target.closest("[data-do-task]");
  if (task) return moveTask(task);
  if (event.target.closest("[data-do=cancel]")) return event.target.closest("dialog").close();
  const row = event.target.closest(".row[data-find]");
  if (row && !event.target.closest("a")) choose(row, { line: event.target.closest(".line") });
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(".row[data-find]");
  const line = event.target.closest?.(".line") ?? null;
  if (row && (row.id !== selected || line !== row.querySelector(".line.on"))) {
    // A row that moves under the finger is never clicked: what is pressed stays until it is let go.
    choose(row, { focus: false, line, scroll: !row.matches(":active") });
  }
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("keydown", sendOnEnter);
  dialog.addEventListener("close", () => {
    if (waitingSwap) swap(waitingSwap);
    if (chosen()) focusOf(chosen()).focus({ preventScroll: true });
  });
}

search.addEventListener("input", () => find());
document.addEventListener("pointerleave", () => (list().style.paddingTop = ""));
addEventListener("beforeprint", () => {
  for (const fold of list().querySelectorAll("details")) fold.open = true;
});

start();
rereadAt(document.getElementById("sum").dataset.rereadAt);
tellAges();
follow(refreshSoon, "", conceal);
