// A message to the unit: kept in the phone first, as all that is typed, and sent once.
"use strict";

(() => {
  const form = document.querySelector("form.letter");
  if (!form) return;
  const text = form.elements.text, wrong = form.querySelector(".wrong"), words = Queue.words;
  Drafts.follow(form, "message", {
    read: () => (text.value.trim() ? { text: text.value } : null),
    fill: (kept) => { text.value = kept.text; },
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const said = text.value.trim();
    wrong.textContent = said ? "" : words.no_text;
    if (!said) { text.focus(); return; }
    const item = { text: said }, photos = [...form.querySelectorAll("[name=photo]:checked")].map((one) => one.value);
    if (photos.length) item.photos = photos.slice(0, 5);
    Drafts.forget("message");
    Me.deliver({ item, name: form.dataset.name, value: "" }, form, "/me/messages");
  });
})();
