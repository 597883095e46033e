// Two questions on the patient's page: why did this reading not alert, and what would another
// limit have said. Nothing is stored by asking.

import { fill, gone, isForPage, token, words } from "./live.js";

const patient = document.body.dataset.patient;
const lang = document.documentElement.lang;
const FIGURE = new Intl.NumberFormat(lang === "nb" ? "nb-NO" : "en-GB", { maximumFractionDigits: 4 });
const MOMENT = new Intl.DateTimeFormat(lang === "nb" ? "nb-NO" : "en-GB", {
  timeZone: "Europe/Oslo", weekday: "short", day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit",
});
const DAY = new Intl.DateTimeFormat(lang === "nb" ? "nb-NO" : "en-GB", { day: "numeric", month: "numeric" });

// ---- Why did this not alert? -----------------------------------------------------------------

const dialog = document.getElementById("why");

async function why(asked, about) {
  const query = new URLSearchParams({ patient, ...asked });
  dialog.querySelector("[data-about]").textContent = about;
  const place = dialog.querySelector("ul");
  place.replaceChildren(item(words.why.waiting, ""));
  if (!dialog.open) dialog.showModal();
  const response = await fetch(`/v1/why-not?${query}`, { headers: { "Accept-Language": lang } })
    .catch(() => null);
  if (response && gone(response)) return;
  if (!response?.ok) return place.replaceChildren(item(words.why.failed, ""));
  const told = await response.json();
  dialog.querySelector("[data-about]").textContent =
    `${about} · ${MOMENT.format(new Date(told.reading.at))}`;
  const spokeFirst = told.rules.slice().sort((a, b) => (b.why === "spoke") - (a.why === "spoke"));
  const said = spokeFirst.map((one) =>
    item(one.reason, one.colour, one.why === "spoke", `${one.rule} · ${one.programme_version}`));
  place.replaceChildren(...(said.length ? said : [item(told.reason ?? words.why.nothing, "")]));
}

function item(text, colour, spoke = false, small = "") {
  const line = document.createElement("li");
  line.append(icon(spoke ? colour : "x", spoke ? words.colours[colour] : words.why.silent));
  const said = document.createElement("span");
  said.textContent = text;
  line.append(said);
  if (small) {
    const sub = document.createElement("span");
    sub.className = "sub";
    sub.textContent = small;
    said.append(sub);
  }
  return line;
}

function icon(name, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", `ic ${name}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-why]");
  if (button) why({ fact: button.dataset.why }, button.dataset.about);
  const suggested = event.target.closest("[data-suggested]");
  if (suggested) tryOut(suggested.dataset);
});
// A point of a curve: by its kind and the moment it was measured.
document.addEventListener("why", ({ detail }) => {
  why({ kind: detail.kind, at: new Date(detail.at * 1000).toISOString() }, detail.label);
});

// ---- What would another limit have said? -----------------------------------------------------

const form = document.getElementById("try");
const keep = document.getElementById("keep");
let turn = 0;

function chosen() {
  return form.limit.selectedOptions[0];
}

function choose() {
  const { value, least, most, step, unit } = chosen().dataset;
  for (const field of [form.range, form.figure]) {
    field.min = least;
    field.max = most;
    field.step = step;
    field.value = value;
  }
  form.querySelector("i[data-unit]").textContent = unit;
  form.querySelector("[data-current]").textContent = fill(words.try.now, { value: FIGURE.format(value), unit });
  form.querySelector("output").textContent = "";
  form.querySelector("ul").replaceChildren();
  form.querySelector(".days").hidden = form.querySelector(".dkey").hidden = true;
  keep.hidden = true;
}

// What his own values suggest, tried as if it had been typed.
function tryOut({ programme, name, value }) {
  const known = [...form.limit.options].find((one) => one.dataset.programme === programme && one.dataset.name === name);
  if (!known) return;
  known.selected = true;
  choose();
  form.figure.value = form.range.value = value;
  form.scrollIntoView({ block: "nearest" });
  form.figure.focus();
  ask();
}

// What may be saved is what has been tried, and no other figure.
function mayKeep() {
  const { programme, name, value, unit, own } = chosen().dataset;
  const isNew = Number(form.figure.value) !== Number(value);
  keep.hidden = !isNew && own === undefined;
  keep.programme.value = programme;
  keep.elements.namedItem("name").value = name;
  keep.elements.namedItem("value").value = form.figure.value;
  keep.querySelector("[data-keeping]").textContent =
    `${chosen().textContent}: ${FIGURE.format(value)} → ${FIGURE.format(form.figure.value)} ${unit}`;
  keep.querySelector(".btn.pri").disabled = !isNew;
  keep.querySelector("[data-default]").hidden = own === undefined;
}

async function ask() {
  const mine = ++turn;
  const { programme, name } = chosen().dataset;
  keep.hidden = true;
  const tried = { programme, name, value: form.figure.value };
  document.dispatchEvent(new CustomEvent("tried", { detail: tried }));
  const output = form.querySelector("output");
  const place = form.querySelector("ul");
  if (!form.figure.value || !form.figure.checkValidity()) {
    output.textContent = words.try.outside;
    return place.replaceChildren();
  }
  output.textContent = words.try.waiting;
  // The figure as it was typed: not one that a computer has rounded.
  const body = `{"programme":${JSON.stringify(programme)},"patient":${JSON.stringify(patient)},` +
    `"days":30,"limits":{${JSON.stringify(name)}:${form.figure.value}}}`;
  const response = await fetch("/v1/what-if", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Accept-Language": lang, ...token() },
    body,
  }).catch(() => null);
  if (mine !== turn || (response && gone(response))) return;
  if (!response?.ok) {
    place.replaceChildren();
    output.textContent = words.try[response?.status === 503 ? "busy" : "failed"];
    return;
  }
  const told = await response.json();
  output.textContent = fill(words.try.counts, { before: told.before.alerts, after: told.after.alerts });
  strip(told);
  mayKeep();
  place.replaceChildren(
    ...told.new.map((one) => day(one, words.try.new)),
    ...told.vanished.map((one) => day(one, words.try.gone)),
  );
}

// Thirty days as squares: which of them would have alerted with both limits, and with only one. The
// list beside says the same in words.
function strip(told) {
  const place = form.querySelector(".days");
  const last = new Date(told.until).toLocaleDateString("sv", { timeZone: "Europe/Oslo" });
  const all = (several) => new Set(several.map((one) => one.day));
  const fresh = all(told.new), gone = all(told.vanished);
  const both = new Set(told.both_days);
  const squares = [];
  for (let back = told.days - 1; back >= 0; back -= 1) {
    const at = new Date(`${last}T12:00:00Z`);
    at.setUTCDate(at.getUTCDate() - back);
    const key = at.toISOString().slice(0, 10);
    const square = document.createElement("li");
    square.className = both.has(key) ? "both" : fresh.has(key) ? "new" : gone.has(key) ? "gone" : "";
    squares.push(square);
  }
  place.replaceChildren(...squares);
  place.hidden = form.querySelector(".dkey").hidden = false;
}

function day(one, word) {
  const line = document.createElement("li");
  line.append(icon(one.colour, words.colours[one.colour]));
  const said = document.createElement("span");
  said.textContent = `${DAY.format(new Date(one.at))} · ${word}: ${one.reason}`;
  line.append(said);
  return line;
}

if (form) {
  let soon = 0;
  const later = () => {
    clearTimeout(soon);
    soon = setTimeout(ask, 250);
  };
  form.limit.addEventListener("change", choose);
  form.range.addEventListener("input", () => {
    form.figure.value = form.range.value;
    later();
  });
  form.figure.addEventListener("input", () => {
    form.range.value = form.figure.value;
    later();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  choose();
  // The line in the curve has been moved.
  document.addEventListener("limit", ({ detail }) => {
    const options = [...form.limit.options];
    const place = options.findIndex((one) =>
      one.dataset.programme === detail.programme && one.dataset.name === detail.name);
    if (place < 0) return;
    if (form.limit.selectedIndex !== place) {
      form.limit.selectedIndex = place;
      choose();
    }
    form.figure.value = form.range.value = detail.value;
    later();
  });
  keep.querySelector("[data-default]").addEventListener("click", () => {
    keep.elements.namedItem("value").value = "";
  });
}

document.addEventListener("keydown", (event) => {
  if (!isForPage(event)) return;
  if (event.key === "w") document.querySelector("[data-why]")?.focus();
  if (event.key === "l" && form) {
    event.preventDefault();
    form.limit.focus();
  }
});
