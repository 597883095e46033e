// One patient: keys, live ages, and the curves. The forms are plain forms and work without this.

import * as grips from "./grips.js";
import { whenFree } from "./holding.js";
import { colours } from "./ink.js";
import { countFromNow, fill, follow, gone, isForPage, localNow, sendOnEnter, start, tellAges, words } from "./live.js";

const patient = document.body.dataset.patient;
const place = document.getElementById("charts");
const lang = document.documentElement.lang;

// ---- Keys: a form's key opens it, a button's key presses it ----------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const open = event.target.closest(".mv[open]") ?? document.querySelector(".mv[open]");
    if (open) {
      event.preventDefault();
      return shut(open);
    }
  }
  if (!isForPage(event)) return;
  if (event.key === "p") return print();
  const key = CSS.escape(event.key);
  const form = document.querySelector(`[data-open="${key}"]`);
  const press = document.querySelector(`[data-key="${key}"]`);
  if (form) {
    event.preventDefault();
    form.open = true;
    form.querySelector("select, textarea, input:not([type=hidden])")?.focus();
  } else if (press) {
    event.preventDefault();
    press.click();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-do=cancel]")) return shut(event.target.closest(".mv"));
  for (const open of document.querySelectorAll(".moves .mv[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// What was typed stays in the form: opened again, it is there.
function shut(open) {
  open.open = false;
  open.querySelector("summary").focus();
}

// A sheet lies over the page: tabbing goes round in it, as in a dialog, and Esc leads out.
for (const sheet of document.querySelectorAll(".moves .sheet")) {
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    const places = [...sheet.querySelectorAll("select, textarea, input:not([type=hidden]), button")];
    const [first, last] = [places[0], places.at(-1)];
    if (event.target !== (event.shiftKey ? first : last)) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  });
}

for (const sheet of document.querySelectorAll(".sheet")) {
  sheet.addEventListener("keydown", sendOnEnter);
}

for (const form of document.querySelectorAll(".mv")) {
  form.addEventListener("toggle", () => {
    countFromNow(form);
    // The time of a reading that is phoned in starts at now, not at when the page was opened.
    const taken = form.querySelector("input[data-starts-now]");
    if (taken && form.open) taken.value = localNow();
  });
}

// ---- The stream: says that something has come, never swaps a page that somebody is writing on

function changed(data) {
  // Only a change that is told: the stream is opened with the version of what is shown here, and
  // says at once whether it is the version still.
  if (data.patients === undefined) return;
  // No names: too many changed at once. This one may be among them.
  if (data.patients && !data.patients.includes(patient)) return;
  // It pushes down what lies below it.
  whenFree("changed", () => (document.getElementById("changed").hidden = false));
}

// The session has ended: nothing of the patient stays on a screen that nobody is at.
function conceal(since) {
  for (const plot of plots) plot.destroy();
  plots = [];
  answer = null;
  const all = document.querySelectorAll(".idh, .notice, .side, .foot, .pos, dialog");
  for (const each of all) each.remove();
  document.getElementById("main").replaceChildren(text("h1", since, "vh"));
}

// ---- Curves ----------------------------------------------------------------------------------

const HEIGHT = 132;
const FIRST = 6;
const DAY = new Intl.DateTimeFormat(lang === "nb" ? "nb-NO" : "en-GB", {
  timeZone: "Europe/Oslo", weekday: "short", day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit",
});
const FIGURE = new Intl.NumberFormat(lang === "nb" ? "nb-NO" : "en-GB", { maximumFractionDigits: 2 });

let answer = null;
let plots = [];

async function load() {
  const response = await fetch(`/patients/${patient}/chart.json?days=${document.body.dataset.days}`)
    .catch(() => null);
  if (!response || gone(response) || !response.ok || !window.uPlot) return;
  answer = await response.json();
  drawAll();
}

function drawAll() {
  for (const plot of plots) plot.destroy();
  plots = [];
  grips.clear();
  place.replaceChildren();
  if (!answer.charts.length) return place.append(text("p", words.charts_none, "m"));
  const ink = colours();
  for (const chart of answer.charts) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.append(text("b", chart.label), text("span", chart.unit, "m"), text("span", "", "tip"));
    if (chart.latest) {
      const tone = isOutside(chart, chart.times.length - 1)?.tone ?? "";
      const latest = text("span", "", `end ${tone}`);
      if (tone) latest.append(icon(tone));
      latest.append(text("b", chart.latest.text), ` ${chart.latest.clock} · ${chart.latest.age}`);
      caption.append(latest);
    }
    figure.append(caption);
    const [shown, folded] = [answer.charts.slice(0, FIRST), answer.charts.slice(FIRST)];
    (folded.includes(chart) ? more(folded.length) : place).append(figure);
    plots.push(draw(figure, chart, ink, chart === shown.at(-1) || chart === folded.at(-1)));
  }
  place.append(eventList());
}

// The rest is there for who asks: a page of twenty curves is not read.
function more(n) {
  let fold = place.querySelector(".more-charts");
  if (!fold) {
    fold = document.createElement("details");
    fold.className = "more-charts";
    fold.append(text("summary", fill(words.more_charts, { n }), "lnk"));
    place.append(fold);
  }
  return fold;
}

function draw(figure, chart, ink, last) {
  const { times, values, lows } = opened(chart);
  const [low, high] = range(chart);
  const axis = { stroke: ink.ink3, font: "11px " + ink.font, grid: { show: false }, ticks: { show: false } };
  const plot = new window.uPlot({
    width: place.clientWidth - 40,
    height: last ? HEIGHT + 22 : HEIGHT,
    padding: [8, 56, last ? 0 : 6, 0],
    tzDate: (at) => window.uPlot.tzDate(new Date(at * 1000), "Europe/Oslo"),
    legend: { show: false },
    cursor: { sync: { key: "patient" }, y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { range: () => [answer.from, answer.to] }, y: { range: () => [low, high] } },
    axes: [
      { ...axis, show: last, size: 22, values: (_, ticks) => ticks.map(day) },
      { ...axis, size: 44, grid: { stroke: ink.line, width: 1 }, values: (_, ticks) => ticks.map((n) => FIGURE.format(n)) },
    ],
    series: [
      {},
      { stroke: ink.trace, width: 1.6, points: { show: false }, paths: lows ? () => null : undefined },
      { show: false },
    ],
    hooks: {
      drawClear: [(u) => bands(u, chart, ink)],
      draw: [(u) => { events(u, ink); marks(u, chart, ink); }],
      ready: [(u) => grips.place(u, chart, [low, high])],
      setCursor: [(u) => { figure.querySelector(".tip").textContent = tip(u, chart); }],
    },
  }, [times, values, lows ?? values.map(() => null)], figure);
  plot.over.addEventListener("click", () => {
    const at = plot.data[0][plot.cursor.idx];
    if (!chart.times.includes(at)) return; // nothing was measured there
    const detail = { kind: chart.kind, at, label: chart.label };
    document.dispatchEvent(new CustomEvent("why", { detail }));
  });
  return plot;
}

// An expected reading that did not come breaks the line: silence is drawn, never bridged.
function opened(chart) {
  const rows = chart.times.map((at, i) => [at, chart.values[i], chart.lows?.[i] ?? null]);
  for (const at of chart.missed) rows.push([at, null, null]);
  rows.sort((a, b) => a[0] - b[0]);
  return {
    times: rows.map((row) => row[0]),
    values: rows.map((row) => row[1]),
    lows: chart.lows ? rows.map((row) => row[2]) : null,
  };
}

function range(chart) {
  const all = [...chart.values, ...(chart.lows ?? [])].filter((n) => n !== null);
  for (const limit of chart.limits) {
    if (limit.low !== null) all.push(limit.low);
    if (limit.high !== null) all.push(limit.high);
  }
  const low = Math.min(...all), high = Math.max(...all);
  const room = (high - low) * 0.12 || 1;
  return all.length ? [low - room, high + room] : [0, 1];
}

function bands(u, chart, ink) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const limit of chart.limits) {
    const left = u.valToPos(Math.max(limit.from, answer.from), "x", true);
    const right = u.valToPos(limit.to ?? answer.to, "x", true);
    const top = limit.high === null ? bbox.top : u.valToPos(limit.high, "y", true);
    const bottom = limit.low === null ? bbox.top + bbox.height : u.valToPos(limit.low, "y", true);
    if (limit.tone !== "red" || !chart.limits.some((each) => each.tone !== "red")) {
      ctx.fillStyle = ink.band;
      ctx.fillRect(left, top, right - left, bottom - top);
    }
    ctx.strokeStyle = limit.tone === "red" ? ink.red : ink.bandline;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const value of [limit.high, limit.low]) {
      if (value === null) continue;
      const y = u.valToPos(value, "y", true);
      line(ctx, left, y, right, y);
    }
  }
  ctx.restore();
  labels(u, chart, ink);
}

// The figure of the limit that holds now, at the right edge of its line.
function labels(u, chart, ink) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px ${ink.font}`;
  ctx.textBaseline = "middle";
  for (const limit of chart.limits.filter((each) => each.to === null)) {
    ctx.fillStyle = limit.tone === "red" ? ink.red : ink.ink2;
    for (const [side, value] of [["high", limit.high], ["low", limit.low]]) {
      // A line that can be moved has its figure on its grip.
      if (value === null || chart.handles.some((each) => each.side === side)) continue;
      const y = u.valToPos(value, "y", true);
      ctx.fillText(FIGURE.format(value), bbox.left + bbox.width + 8 * devicePixelRatio, y);
    }
  }
  ctx.restore();
}

function events(u, ink) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const event of answer.events) {
    if (event.at < answer.from) continue;
    ctx.strokeStyle = { red: ink.red, yellow: ink.yel }[event.tone] ?? ink.ink2;
    const x = u.valToPos(event.at, "x", true);
    line(ctx, x, bbox.top, x, bbox.top + bbox.height);
  }
  ctx.restore();
}

// Filled: before or between sessions. Open: after. Outside a limit: in the limit's colour, larger.
function marks(u, chart, ink) {
  const { ctx, bbox } = u;
  const unit = devicePixelRatio;
  ctx.save();
  chart.times.forEach((at, i) => {
    const x = u.valToPos(at, "x", true);
    const y = u.valToPos(chart.values[i], "y", true);
    const outside = isOutside(chart, i);
    const tone = outside ? { red: ink.red, yellow: ink.yel }[outside.tone] : ink.trace;
    ctx.strokeStyle = tone;
    ctx.fillStyle = chart.after[i] ? ink.surface : tone;
    ctx.lineWidth = 1.6 * unit;
    if (chart.lows && chart.lows[i] !== null) {
      const bottom = u.valToPos(chart.lows[i], "y", true);
      line(ctx, x, y, x, bottom);
      line(ctx, x - 3 * unit, y, x + 3 * unit, y);
      line(ctx, x - 3 * unit, bottom, x + 3 * unit, bottom);
      if (!outside) return;
    }
    if (!outside && chart.times.length > 60) return;
    ctx.beginPath();
    ctx.arc(x, y, (outside ? 3.4 : 2) * unit, 0, 7);
    ctx.fill();
    ctx.stroke();
  });
  ctx.strokeStyle = ink.sil;
  ctx.lineWidth = 2 * unit;
  const floor = bbox.top + bbox.height - 3 * unit;
  for (const at of chart.missed) {
    const x = u.valToPos(at, "x", true);
    line(ctx, x - 3 * unit, floor, x + 3 * unit, floor);
  }
  ctx.restore();
}

function isOutside(chart, i) {
  const at = chart.times[i], value = chart.values[i];
  const beyond = chart.limits.filter((limit) =>
    at >= limit.from && (limit.to === null || at < limit.to) &&
    ((limit.high !== null && value > limit.high) || (limit.low !== null && value < limit.low)));
  return beyond.find((limit) => limit.tone === "red") ?? beyond[0];
}

function tip(u, chart) {
  const at = u.cursor.idx === null || u.cursor.idx === undefined ? null : u.data[0][u.cursor.idx];
  if (at === null || u.cursor.left < 0) return "";
  const i = chart.times.indexOf(at);
  const when = DAY.format(new Date(at * 1000));
  if (i < 0) return `${when}: ${words.missed}`;
  const low = chart.lows?.[i];
  return `${when}: ${FIGURE.format(chart.values[i])}${low === null || low === undefined ? "" : `/${FIGURE.format(low)}`}`;
}

function eventList() {
  const all = document.createElement("ul");
  all.className = "events";
  for (const event of answer.events) all.append(text("li", `${event.clock} ${event.text}`, event.tone));
  return all;
}

function line(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

function day(at) {
  const when = window.uPlot.tzDate(new Date(at * 1000), "Europe/Oslo");
  return lang === "nb" ? `${when.getDate()}.${when.getMonth() + 1}` : `${when.getDate()}/${when.getMonth() + 1}`;
}

function text(tag, content, kind = "") {
  const element = document.createElement(tag);
  element.textContent = content;
  element.className = kind;
  return element;
}

// Colour is never alone: the same shapes as everywhere, from the page's own symbols.
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "ic");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words.colours[name]);
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => answer && drawAll(), 150);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => answer && drawAll());

// The list opens the page here to write down a contact.
if (location.hash === "#contacts" && !new URLSearchParams(location.search).has("saved")) {
  document.querySelector(".log").open = true;
}

start();
tellAges();
follow(changed, `?patient=${patient}&version=${document.body.dataset.version}`, conceal);
load();
document.querySelector(".moved")?.focus();
