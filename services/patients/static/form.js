// A form: questions come when they are asked, and an answer that is red by itself is met at once,
// before it is sent and with no network.
"use strict";

(() => {
  const form = document.querySelector("form.form");
  const words = Queue.words;
  const draft = `form:${form.dataset.name}:${form.dataset.version}`;
  const questions = [...form.querySelectorAll("fieldset.q")];
  const NUMBERS = {
    urgent: [["113", "Akutt fare", "Emergency"], ["116117", "Legevakt", "Out-of-hours doctor"]],
    harm: [["113", "Akutt fare", "Emergency"], ["116117", "Legevakt", "Out-of-hours doctor"],
      ["116123", "Mental Helse, hjelpetelefonen", "Mental Helse helpline"]],
  };

  function answer(question) {
    if (question.hidden || question.closest("[hidden]")) return [];
    const chosen = [...question.querySelectorAll("input:checked")].map((one) => JSON.parse(one.value));
    const written = [...question.querySelectorAll(".lines :is(input, textarea)")]
      .map((one) => one.value.trim()).filter(Boolean)
      .map((text) => (question.dataset.shape === "number" ? number(text) : text));
    return [...chosen, ...written];
  }

  function number(text) {
    const plain = text.replace(",", ".");
    return /^-?\d{1,9}(\.\d{1,6})?$/.test(plain) ? Number(plain) : NaN;
  }

  function answers() {
    const found = {};
    for (const question of questions) {
      const given = answer(question);
      if (given.length) found[question.dataset.link] = given;
    }
    return found;
  }

  // FHIR enableWhen. A question whose deciding answer is not there yet is not asked yet.
  function asked(needed, given) {
    return needed.every((one) => {
      const held = one.tests.map(([link, operator, expected]) => {
        const several = given[link] ?? [];
        if (operator === "exists") return several.length > 0 === expected;
        return several.some((value) => compare(value, operator, expected));
      });
      return one.every ? held.every(Boolean) : held.some(Boolean);
    });
  }

  function compare(value, operator, expected) {
    if (typeof value !== typeof expected) return false;
    switch (operator) {
      case "=": return value === expected;
      case "!=": return value !== expected;
      case ">": return value > expected;
      case "<": return value < expected;
      case ">=": return value >= expected;
      case "<=": return value <= expected;
      default: return false;
    }
  }

  // Hidden questions have no answers, which may hide others: until nothing moves.
  function turn() {
    for (let round = 0; round < 10; round += 1) {
      const given = answers();
      let moved = false;
      for (const one of form.querySelectorAll("[data-needed]:not([data-needed=''])")) {
        const hide = !asked(JSON.parse(one.dataset.needed), given);
        if (one.hidden !== hide) { one.hidden = hide; moved = true; }
      }
      if (!moved) break;
    }
    const red = [...form.querySelectorAll("input:checked[data-red]")].filter((one) => !one.closest("[hidden]"));
    const place = document.getElementById("crisis");
    if (!red.length) { place.hidden = true; return; }
    const kind = red.some((one) => one.dataset.red === "harm") ? "harm" : "urgent";
    if (!place.hidden && place.dataset.kind === kind) return;
    place.dataset.kind = kind;
    const text = `${words.unread} ${words[kind]}`;
    Me.crisis({ nb: text, en: text, numbers: NUMBERS[kind].map(([number, nb, en]) => ({ number, nb, en })) });
    red.at(-1).closest("fieldset").after(place);
    place.scrollIntoView({ block: "nearest" });
  }

  // What has been answered so far, as it stands in the fields: also what is hidden just now.
  function written() {
    const found = {};
    for (const question of questions) {
      const chosen = [...question.querySelectorAll("input:checked")].map((one) => one.value);
      const typed = [...question.querySelectorAll(".lines :is(input, textarea)")].map((one) => one.value);
      if (chosen.length || typed.some((text) => text.trim())) found[question.dataset.link] = { chosen, typed };
    }
    return Object.keys(found).length ? found : null;
  }

  function restore(kept) {
    for (const question of questions) {
      const was = kept[question.dataset.link];
      if (!was) continue;
      for (const one of question.querySelectorAll(".opt input")) one.checked = was.chosen.includes(one.value);
      const lines = question.querySelector(".lines");
      was.typed.forEach((text, n) => {
        if (!lines) return;
        if (!lines.children[n]) lines.append(lines.lastElementChild.cloneNode());
        lines.children[n].value = text;
      });
    }
    turn();
  }

  form.addEventListener("change", turn);
  Drafts.follow(form, draft, { read: written, fill: restore });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do=add]");
    if (!button) return;
    const lines = button.closest("fieldset").querySelector(".lines");
    const next = lines.lastElementChild.cloneNode();
    next.value = "";
    lines.append(next);
    next.focus();
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = form.querySelector(".wrong"), list = wrong.querySelector("ul");
    const missing = questions.filter((one) => {
      const given = answer(one);
      if (given.some((value) => Number.isNaN(value))) return true;
      return one.dataset.required && !one.hidden && !one.closest("[hidden]") && !given.length;
    });
    list.replaceChildren(...missing.map((one) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = "#";
      link.textContent = one.querySelector("legend").textContent.trim();
      link.addEventListener("click", (click) => { click.preventDefault(); one.focus(); one.scrollIntoView(); });
      item.append(link);
      return item;
    }));
    wrong.hidden = missing.length === 0;
    if (missing.length) { missing[0].focus(); wrong.scrollIntoView({ block: "nearest" }); return; }
    deliver("completed");
  });
  form.querySelector("[data-do=anyway]").addEventListener("click", () => deliver("in-progress"));

  function deliver(status) {
    const given = answers();
    for (const [link, several] of Object.entries(given)) {
      given[link] = several.filter((value) => !Number.isNaN(value));
      if (!given[link].length) delete given[link];
    }
    if (!Object.keys(given).length) { Queue.say(words.empty); questions[0].focus(); return; }
    const item = { questionnaire: form.dataset.name, answers: given, status };
    if (form.dataset.version) item.version = form.dataset.version;
    Me.deliver({ item, name: form.dataset.title, value: "" }, form, null, draft);
  }

  turn();
})();
