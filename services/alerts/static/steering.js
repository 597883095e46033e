// The curves of the steering page. What they show stands in the table under each, for who reads that.

import { colours } from "./ink.js";

const STROKES = [[], [6, 4], [2, 3]]; // lines differ by more than colour
const KINDS = ["", "dashed", "dotted"];
const lang = document.documentElement.lang;
const FIGURE = new Intl.NumberFormat(lang === "nb" ? "nb-NO" : "en-GB", { maximumFractionDigits: 2 });
const HEIGHT = 168;
let plots = [];

function drawAll() {
  for (const plot of plots) plot.destroy();
  plots = [];
  const ink = colours();
  for (const place of document.querySelectorAll(".plot")) draw(place, JSON.parse(place.dataset.drawn), ink);
}

function draw(place, { weeks, lines }, ink) {
  place.replaceChildren();
  const keys = document.createElement("p");
  keys.className = "keys";
  const said = lines.map((line, n) => key(keys, line, n));
  place.append(keys);
  const axis = { stroke: ink.ink2, font: `11px ${ink.font}`, ticks: { show: false } };
  const last = weeks.length - 1;
  const tell = (at) => lines.forEach((line, n) => {
    const value = line.points[at];
    said[n].textContent = `${weeks[at]}: ${value === null ? "–" : FIGURE.format(value)}`;
  });
  plots.push(new window.uPlot({
    width: place.clientWidth,
    height: HEIGHT,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, 0.1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 24, space: 48, incrs: [1, 2, 4, 13, 26],
        values: (_, ticks) => ticks.map((n) => weeks[n] ?? "") },
      { ...axis, size: 44, grid: { stroke: ink.line, width: 1 }, values: (_, ticks) => ticks.map((n) => FIGURE.format(n)) },
    ],
    series: [{}, ...lines.map((line, n) => ({
      stroke: ink[line.tone], width: 2, dash: STROKES[n], spanGaps: false,
      points: { show: true, size: 5, fill: ink[line.tone] },
    }))],
    hooks: { setCursor: [(plot) => tell(plot.cursor.idx ?? last)] },
  }, [weeks.map((_, n) => n), ...lines.map((line) => line.points)], place));
  tell(last);
}

function key(keys, line, n) {
  const one = document.createElement("span");
  one.className = `key ${line.tone} ${KINDS[n]}`;
  const name = document.createElement("span"), value = document.createElement("b");
  name.textContent = line.name;
  one.append(document.createElement("i"), name, value);
  keys.append(one);
  return value;
}

let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(drawAll, 150);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
if (window.uPlot) drawAll();
