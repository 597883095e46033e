// The colours of the curves, as the page's style sheet says them just now.

const NAMES = ["red", "yel", "sil", "band", "bandline", "trace", "line", "ink2", "ink3", "surface"];

// Canvas does not know the style sheet: each colour is asked for through an element.
export function colours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const ink = { font: getComputedStyle(document.body).fontFamily };
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    ink[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return ink;
}
