// A form filled in for the patient: a question that the answers above do not ask is not shown.
// The server holds the answers to the same rules; without this every question is shown.

const form = document.getElementById("form");
const questions = [...form.querySelectorAll("[data-link]")];
const COMPARE = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};

function answers(link) {
  const place = questions.find((each) => each.dataset.link === link);
  if (!place || place.hidden) return [];
  return [...place.querySelectorAll("input, textarea")].flatMap((field) => {
    if (field.type === "radio" || field.type === "checkbox") {
      return field.checked ? [field.dataset.code ?? field.value === "true"] : [];
    }
    return field.value.trim() ? [field.value.trim()] : [];
  });
}

// As in the server: where the answer that decides is not there yet, nothing is decided.
function meets([link, how, expected]) {
  const given = answers(link);
  if (how === "exists") return given.length ? Boolean(expected) : null;
  if (!given.length) return null;
  return given.some((one) => {
    const numbers = [Number(String(one).replace(",", ".")), Number(expected)];
    if (typeof one === "boolean" || typeof expected === "boolean" || numbers.some(Number.isNaN)) {
      return COMPARE[how](one, expected);
    }
    return COMPARE[how](...numbers);
  });
}

function holds({ tests, every }) {
  const several = tests.map(meets);
  if (several.includes(!every)) return !every;
  return several.includes(null) ? null : every;
}

// What is not asked until something is answered stays away until then.
function show() {
  for (const place of questions) {
    const asked = JSON.parse(place.dataset.when).every((one) => holds(one) === true);
    place.hidden = !asked;
    for (const field of place.querySelectorAll("input, textarea")) field.disabled = !asked;
    const clear = place.querySelector("[data-do=clear]");
    if (clear) clear.hidden = !place.querySelector("input:checked");
  }
}

form.addEventListener("input", show);
form.addEventListener("click", (event) => {
  const clear = event.target.closest("[data-do=clear]");
  if (!clear) return;
  for (const each of clear.parentElement.querySelectorAll("input")) each.checked = false;
  clear.parentElement.querySelector("input").focus();
  show();
});
form.addEventListener("submit", () => (form.querySelector("[type=submit]").disabled = true));
addEventListener("pageshow", () => (form.querySelector("[type=submit]").disabled = false));
show();
document.querySelector("[autofocus]")?.focus();
