// What every live page does: true ages, the stream with its heartbeat, and saying so when it stops.
// The server's clock counts, not the one of the machine: a wrong PC clock must not make a reading
// look fresh.

import { whenFree } from "./holding.js";

export const words = JSON.parse(document.body.dataset.words);

// Three heartbeats of 5 s missed: a server that dies just after one is noticed after 16 s.
const HEARTBEAT_MISSED = 15_000;
const RETRY = 5_000;
const STOPPED = 5_000;
// A session's last minute is told; a touch is told to the server at most once a minute.
const WARNED = 60_000;
const USED = 60_000;
const SECONDS = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/Oslo", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

const LOCAL = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Europe/Oslo", dateStyle: "short", timeStyle: "short",
});

let ahead = 0; // server time minus this machine's time

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export function count(forms, n) {
  return fill(n === 1 ? forms.one : forms.many, { n });
}

export function clock(at) {
  return SECONDS.format(at);
}

export function fromNow(iso) {
  return Date.parse(iso) - Date.now() - ahead;
}

export function serverIs(iso) {
  ahead = Date.parse(iso) - Date.now();
}

// The same steps as age() and wait() in page/written.py.
function minutesSince(iso) {
  return Math.max(0, Math.floor((Date.now() + ahead - Date.parse(iso)) / 60_000));
}

function age(iso) {
  const n = minutesSince(iso);
  if (n < 120) return fill(words.time.minutes, { n });
  if (n < 2880) return fill(words.time.hours, { n: Math.floor(n / 60) });
  return fill(words.time.days, { n: Math.floor(n / 1440) });
}

function wait(iso) {
  const n = minutesSince(iso);
  if (n < 60) return fill(words.time.minutes, { n });
  if (n < 720 && n % 60) {
    return fill(words.time.hours_minutes, { h: Math.floor(n / 60), m: n % 60 });
  }
  if (n < 2880) return fill(words.time.hours, { n: Math.floor(n / 60) });
  return fill(words.time.days, { n: Math.floor(n / 1440) });
}

function tellLeft() {
  for (const each of document.querySelectorAll("[data-until]")) {
    const left = fromNow(each.dataset.until);
    if (left <= 0) return location.reload(); // what was open is shut again
    each.textContent = count(words.left, Math.ceil(left / 60_000));
  }
}

export function tellAges() {
  for (const each of document.querySelectorAll("[data-age]")) each.textContent = age(each.dataset.age);
  for (const each of document.querySelectorAll("[data-wait]")) each.textContent = wait(each.dataset.wait);
  tellLeft();
}

// Follows the stream. `changed(data)` is called on a change, and with {} or {first: true} when the
// stream has begun: what changed while nobody listened, or while the page was made, was not told.
// A page of one patient asks for that with `about`, and the server tells it as a change.
//
// The session of a page that nobody touches ends. Its last minute is told, a touch is enough to
// stay, and when it has ended `conceal` takes what is about patients away: what is left is counts,
// plainly of the moment when it ended.
export function follow(changed, about = "", conceal = () => {}) {
  const banner = document.getElementById("stale");
  const since = document.getElementById("stale-since");
  const again = document.getElementById("stale-again");
  let source = null;
  const asOf = document.querySelector("[data-as-of]")?.dataset.asOf;
  let heard = freshAt(asOf); // when the list was last known to be of now, by this machine's clock
  let retryAt = 0;
  let beatAt = 0;
  let opened = 0;
  let caughtUp = false;
  let endsAt = Infinity;
  let usedAt = Date.now(); // the page itself was asked for
  let ended = false;

  function beat(event) {
    const said = parsed(event.data);
    if (said.session_left !== undefined) endsAt = endOf(said.session_left);
    beatAt = Date.now();
    if (!caughtUp) {
      caughtUp = true; // the first beat comes when the server listens for us
      changed(opened === 1 ? { first: true } : {});
    }
    if (!said.as_of) return;
    heard = freshAt(said.as_of);
    const shown = document.getElementById("as-of");
    if (shown) shown.textContent = clock(heard + ahead);
    if (document.body.dataset.state === "stale" && Date.now() - heard < HEARTBEAT_MISSED) {
      delete document.body.dataset.state;
      whenFree("banner", showBanner);
      changed({});
    }
  }

  function showBanner() {
    banner.hidden = ended || document.body.dataset.state !== "stale";
  }

  function open() {
    source?.close();
    retryAt = 0;
    beatAt = Date.now();
    opened += 1;
    caughtUp = false;
    source = new EventSource(`/v1/worklist/stream${about}`);
    source.addEventListener("heartbeat", beat);
    source.addEventListener("changed", (event) => {
      beat(event);
      changed(parsed(event.data));
    });
    source.addEventListener("ended", end);
    source.onerror = async () => {
      source.close();
      retryAt = Date.now() + RETRY;
      if (await isLoggedOut()) end();
    };
  }

  function end() {
    if (ended) return;
    ended = true;
    source.close();
    clearInterval(ticking);
    const at = clock(heard + ahead);
    for (const each of document.querySelectorAll(".as-it-was")) {
      each.textContent = fill(words.as_it_was, { clock: at });
    }
    for (const open of document.querySelectorAll("dialog[open]")) open.close();
    const said = document.getElementById("ended");
    const since = fill(said.dataset.since, { clock: at });
    conceal(since);
    document.body.dataset.state = "stale";
    document.title = `${since} · Hjemvakt`;
    document.getElementById("idle").hidden = true;
    banner.hidden = true;
    said.querySelector("b").textContent = since;
    document.getElementById("again").href = logIn();
    said.hidden = false;
  }

  // At most once a minute, and at once when the end is near.
  async function used() {
    if (ended || (Date.now() - usedAt < USED && endsAt - Date.now() > WARNED)) return;
    usedAt = Date.now();
    const response = await fetch("/stay", { method: "POST", headers: token() }).catch(() => null);
    if (response?.status === 401) return end();
    if (!response?.ok) return;
    endsAt = Infinity; // until the next heartbeat says
    document.getElementById("idle").hidden = true;
  }

  function warn() {
    const seconds = Math.ceil((endsAt - Date.now()) / 1000);
    const near = seconds * 1000 <= WARNED;
    const bar = document.getElementById("idle");
    // Told once, not every second.
    if (bar.hidden === near) whenFree("idle", () => (bar.hidden = ended || !near));
    if (near) document.getElementById("idle-left").textContent = `${Math.max(0, seconds)} s`;
  }

  function tick() {
    if (ended) return;
    warn();
    if (retryAt && Date.now() >= retryAt) open();
    const silent = Date.now() - heard;
    if (silent < HEARTBEAT_MISSED) return;
    // A connection that is open and says nothing is as dead as a closed one.
    if (!retryAt && Date.now() - beatAt > HEARTBEAT_MISSED) {
      source.close();
      retryAt = Date.now() + RETRY;
    }
    const stopped = clock(heard + ahead);
    if (document.body.dataset.state !== "stale") {
      document.body.dataset.state = "stale";
      whenFree("banner", showBanner);
      // Once, not every second: a screen reader would repeat it.
      for (const each of document.querySelectorAll(".as-it-was")) {
        each.textContent = fill(words.as_it_was, { clock: stopped });
      }
    }
    since.textContent = fill(banner.dataset.since, { clock: stopped, age: duration(silent) });
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    again.textContent = retryAt ? fill(words.stale.again, { n: Math.max(0, left) }) : words.stale.trying;
  }

  banner.querySelector("[data-do=retry]").addEventListener("click", () => {
    open();
    changed({});
  });
  banner.querySelector("[data-do=print]")?.addEventListener("click", () => print());
  document.addEventListener("visibilitychange", tick);
  addEventListener("pageshow", (event) => {
    if (!event.persisted || ended) return;
    open(); // it was closed when the page was left
    changed({});
  });
  addEventListener("pagehide", () => source?.close());
  for (const touch of ["keydown", "pointerdown", "wheel"]) {
    addEventListener(touch, used, { passive: true });
  }
  document.querySelector("[data-do=stay]").addEventListener("click", used);
  const ticking = setInterval(tick, 1000);
  setInterval(tellAges, 20_000);
  open();
}

// A server that still answers may have stopped judging: then its list is of when it stopped.
function freshAt(asOf) {
  if (!asOf) return Date.now();
  const late = Date.now() + ahead - Date.parse(asOf);
  return late > STOPPED ? Date.now() - late : Date.now();
}

function duration(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : fill(words.time.minutes, { n: Math.floor(seconds / 60) });
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function endOf(seconds) {
  return seconds === null ? Infinity : Date.now() + seconds * 1000;
}

// A stream may end because the session has. With no connection, the banner says so.
async function isLoggedOut() {
  const response = await fetch(`/rows?${document.body.dataset.query ?? ""}`).catch(() => null);
  return response !== null && isGone(response);
}

function isGone(response) {
  return response.status === 401 || new URL(response.url).pathname === "/login";
}

function logIn() {
  return `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
}

// True, and away to the log-in, when the answer says that nobody is logged in.
export function gone(response) {
  const loggedOut = isGone(response);
  if (loggedOut) location.assign(logIn());
  return loggedOut;
}

// "In one hour" is counted from when it is chosen, not from when the page was made.
export function countFromNow(form) {
  for (const option of form.querySelectorAll("option[data-hours]")) {
    const hours = Number(option.dataset.hours);
    // A minute less, so that the longest is never longer than what is allowed.
    const until = new Date(Date.now() + ahead + hours * 3_600_000 - 60_000);
    option.value = until.toISOString();
    const forms = words.moves.in_hours;
    option.textContent = fill(hours === 1 ? forms.one : forms.many, {
      n: hours, clock: clock(until).slice(0, 5),
    });
  }
}

// As an input of type datetime-local wants it, in Norwegian time.
export function localNow() {
  return LOCAL.format(new Date(Date.now() + ahead)).replace(" ", "T").slice(0, 16);
}

export function token() {
  const csrf = document.querySelector("meta[name=csrf]")?.content;
  return csrf ? { "X-CSRF-Token": csrf } : {};
}

// A key belongs to the page unless somebody is typing, or the browser's own shortcut is meant.
export function isForPage(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  if (document.querySelector("dialog[open]")) return false;
  return !event.target.closest("input:not([type=radio]), textarea, select");
}

// Enter sends, as the button says, from wherever one writes or chooses; Shift and Enter is a new line.
export function sendOnEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  if (!["TEXTAREA", "SELECT"].includes(event.target.tagName)) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}

export function start() {
  addEventListener("beforeprint", () => {
    const [day, time] = localNow().split("T");
    document.getElementById("printed").textContent = fill(words.printed, { day, clock: time });
  });
  const now = document.querySelector("[data-now]")?.dataset.now;
  if (now) serverIs(now);
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
    if (!menu) return;
    event.stopImmediatePropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
