// One conversation: keys, and a text to begin with. What is chosen is added, never sent by itself.

import { isForPage, tellAges } from "./live.js";

const answer = document.getElementById("answer");

document.addEventListener("click", (event) => {
  const text = event.target.closest("[data-text]")?.dataset.text;
  if (!text) return;
  answer.value = answer.value.trim() ? `${answer.value.trim()}\n${text}` : text;
  answer.focus();
});

answer.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  event.preventDefault();
  answer.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (document.activeElement === answer) answer.blur();
    else location.assign("/");
    return;
  }
  if (!isForPage(event)) return;
  document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
});

// Sent once: a second press while the first is on its way is no second answer.
for (const form of document.forms) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("[type=submit]")) button.disabled = true;
  });
}

tellAges();
