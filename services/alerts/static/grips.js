// A limit in a curve can be moved: dragged, by the arrow keys, or by a number that is typed. Only
// tried: what is saved is saved in the form below, with a reason.

import { fill, words } from "./live.js";

const lang = document.documentElement.lang;
const FIGURE = new Intl.NumberFormat(lang === "nb" ? "nb-NO" : "en-GB", { maximumFractionDigits: 2 });
const placed = new Map(); // name of limit -> the grips that stand for it

export function clear() {
  placed.clear();
}

export function place(plot, chart, range) {
  for (const handle of chart.handles) {
    const option = optionOf(handle);
    if (option) new Grip(plot, chart, handle, option.dataset, option.textContent, range);
  }
}

function optionOf({ programme, name }) {
  return document.querySelector(
    `#try option[data-programme="${CSS.escape(programme)}"][data-name="${CSS.escape(name)}"]`,
  );
}

class Grip {
  constructor(plot, chart, handle, limits, label, range) {
    Object.assign(this, { plot, chart, handle, limits, range });
    this.step = Number(limits.step);
    this.value = Number(handle.value);
    this.button = document.createElement("div");
    this.button.className = "grip red";
    this.button.setAttribute("role", "slider");
    this.button.setAttribute("aria-orientation", "vertical");
    this.button.setAttribute("aria-label", fill(words.try.drag, { name: label }));
    this.button.setAttribute("aria-valuemin", limits.least);
    this.button.setAttribute("aria-valuemax", limits.most);
    this.button.tabIndex = 0;
    this.line = document.createElement("div");
    this.line.className = "grip-line";
    this.line.hidden = true;
    plot.over.append(this.line, this.button);
    this.button.addEventListener("pointerdown", (event) => this.take(event));
    this.button.addEventListener("keydown", (event) => this.key(event));
    this.button.addEventListener("click", (event) => event.stopPropagation());
    const key = `${handle.programme} ${handle.name}`;
    placed.set(key, [...(placed.get(key) ?? []), this]);
    this.show();
  }

  // Up on the axis is a larger number, or a smaller one where the line lies under the target.
  get at() {
    return Number(this.handle.offset) + this.handle.sign * this.value;
  }

  show() {
    const [low, high] = this.range;
    const within = Math.min(Math.max(this.at, low), high);
    const top = this.plot.valToPos(within, "y");
    this.button.style.top = this.line.style.top = `${top}px`;
    const text = `${FIGURE.format(this.value)} ${this.limits.unit}`.trim();
    this.button.textContent = FIGURE.format(this.at);
    this.button.setAttribute("aria-valuenow", String(this.value));
    this.button.setAttribute("aria-valuetext", text);
    this.line.hidden = this.value === Number(this.handle.value);
  }

  move(value, tell = true) {
    const most = Number(this.limits.most), least = Number(this.limits.least);
    const places = (this.limits.step.split(".")[1] ?? "").length;
    const stepped = Math.round(value / this.step) * this.step;
    this.value = Number(Math.min(Math.max(stepped, least), most).toFixed(places));
    this.show();
    if (!tell) return;
    const { programme, name } = this.handle;
    document.dispatchEvent(new CustomEvent("limit", {
      detail: { programme, name, value: this.value.toFixed(places) },
    }));
  }

  take(event) {
    event.preventDefault();
    event.stopPropagation();
    this.button.focus();
    this.button.setPointerCapture(event.pointerId);
    this.button.classList.add("moving");
    const moved = ({ clientY }) => {
      const at = this.plot.posToVal(clientY - this.plot.over.getBoundingClientRect().top, "y");
      this.move((at - Number(this.handle.offset)) * this.handle.sign);
    };
    const done = () => {
      this.button.classList.remove("moving");
      this.button.removeEventListener("pointermove", moved);
    };
    this.button.addEventListener("pointermove", moved);
    this.button.addEventListener("pointerup", done, { once: true });
    this.button.addEventListener("pointercancel", done, { once: true });
  }

  key(event) {
    const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (by) {
      event.preventDefault();
      return this.move(this.value + by * this.step * this.handle.sign);
    }
    // A number is typed in the field it is for.
    if (/^[0-9]$/.test(event.key)) {
      this.move(this.value);
      const field = document.querySelector("#try [name=figure]");
      field.focus();
      field.select();
    }
  }
}

// Tried in the form: the line follows.
document.addEventListener("tried", ({ detail }) => {
  for (const [key, grips] of placed) {
    const mine = key === `${detail.programme} ${detail.name}`;
    for (const grip of grips) grip.move(mine ? Number(detail.value) : Number(grip.handle.value), false);
  }
});
