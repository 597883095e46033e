// The queue in the phone: what was typed is kept here until the unit's receipt has come.
// Each thing has an id of its own from the start, so that sending it again counts once.
"use strict";

const Queue = (() => {
  const words = JSON.parse(document.body.dataset.words), receipts = new Map();
  const opened = new Promise((resolve, reject) => {
    const request = indexedDB.open("hjemvakt-me", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("queue", { keyPath: "id" });
      request.result.createObjectStore("phone", { keyPath: "key" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  opened.catch(() => say(words.no_storage));

  function asked(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  async function store(name, mode = "readonly") {
    return (await opened).transaction(name, mode, { durability: "strict" }).objectStore(name);
  }

  async function put(name, value) {
    const into = await store(name, "readwrite");
    into.put(value);
    return new Promise((resolve, reject) => {
      into.transaction.oncomplete = () => resolve();
      into.transaction.onerror = into.transaction.onabort = () => reject(into.transaction.error);
    });
  }

  async function remove(id) {
    await asked((await store("queue", "readwrite")).delete(id));
  }

  // Whether it is still here: waiting, or refused. Another tab may have sent it.
  async function lies(id) {
    return (await asked((await store("queue")).getKey(id))) !== undefined;
  }

  async function all() {
    const found = await asked((await store("queue")).getAll());
    return found.sort((a, b) => a.at.localeCompare(b.at));
  }

  // Whose things may be typed here: set by a page that knows, forgotten at log-out.
  async function owner() {
    return get("owner");
  }

  async function get(key) {
    return (await asked((await store("phone")).get(key)))?.value ?? null;
  }

  async function set(key, value) {
    if (value === null) await asked((await store("phone", "readwrite")).delete(key));
    else await put("phone", { key, value });
  }

  // At log-out, with null: drafts go too, because the next one to hold the phone may be another.
  async function remember(value) {
    await put("phone", { key: "owner", value });
    if (value !== null) return;
    const phone = await store("phone", "readwrite");
    for (const key of await asked(phone.getAllKeys())) if (key !== "owner") phone.delete(key);
  }

  // {csrf, owner} of whoever is logged in; null when nobody is; throws with no network.
  async function session() {
    const answer = await fetch("/me/session", { headers: { accept: "application/json" } });
    if (answer.status === 401 || answer.status === 403) return null;
    if (!answer.ok) throw new Error("no session");
    const found = await answer.json();
    await remember(found.owner);
    return found;
  }

  async function add(thing) {
    const whose = await owner();
    if (whose === null) throw new Error("nobody");
    const kept = { ...thing, id: crypto.randomUUID(), owner: whose, at: now(), state: "waiting" };
    await put("queue", kept);
    return kept;
  }

  // With the phone's own offset, so that the clock time it was typed at stays readable.
  function now() {
    const date = new Date(), minutes = -date.getTimezoneOffset();
    const local = new Date(date.getTime() + minutes * 60000).toISOString().slice(0, 19);
    const two = (n) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
    return `${local}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
  }

  // Half of a letter, which a keyboard may leave when a picture is cut in two, cannot be stored.
  function whole(value) {
    if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "\ufffd");
    if (Array.isArray(value)) return value.map(whole);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, whole(one)]));
  }

  async function post(thing, csrf) {
    const headers = { "x-csrf-token": csrf };
    if (thing.file) {
      headers["content-type"] = thing.file.type;
      // A header is ASCII: letters beyond it travel as JSON escapes.
      headers["hjemvakt-about"] = ascii(whole({ id: thing.id, at: thing.at, ...thing.about }));
      return fetch("/me/photos", { method: "POST", headers, body: thing.file });
    }
    headers["content-type"] = "application/json";
    const body = JSON.stringify({ items: [{ id: thing.id, at: thing.at, ...whole(thing.item) }] });
    return fetch("/me/send", { method: "POST", headers, body });
  }

  function ascii(value) {
    return JSON.stringify(value).replace(/[\u007f-\uffff]/g,
      (one) => "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0"));
  }

  // One at a time, also when two tabs are open. Whichever call of this page sends a thing, its
  // receipt stands in `receipts` by id.
  async function send() {
    await (navigator.locks ? navigator.locks.request("hjemvakt-me", sendAll) : sendAll());
  }

  async function sendAll() {
    let waiting = (await all()).filter((one) => one.state === "waiting");
    if (waiting.length === 0) return;
    const found = await session();
    if (found === null) return;
    // A photo that will not go through on a poor line holds back no reading.
    waiting = waiting.filter((one) => one.owner === found.owner)
      .sort((a, b) => Boolean(a.file) - Boolean(b.file));
    for (const one of waiting) {
      const answer = await post(one, found.csrf);
      if (answer.ok) {
        const receipt = (await answer.json()).results[0];
        receipts.set(one.id, receipt);
        // Kept until a page has shown it: this one may be on its way to another.
        if (receipt.crisis) sessionStorage.setItem("crisis", JSON.stringify({ id: one.id, told: receipt.crisis }));
        await remove(one.id);
      } else if ([400, 413, 415, 422].includes(answer.status)) {
        // It will never go: it must not hold up what lies behind it.
        await put("queue", { ...one, state: "refused" });
      } else {
        break; // too many, or away: later
      }
    }
  }

  // The clock alone of what was kept today; what has lain longer says its day.
  function when(at) {
    const then = new Date(at), lang = document.documentElement.lang;
    const clock = at.slice(11, 16);
    if (then.toDateString() === new Date().toDateString()) return clock;
    const day = then.toLocaleDateString(lang, { weekday: "long", day: "numeric", month: "long" });
    return `${day} ${clock}`;
  }

  // What lies here, shown where it lies. Nothing of somebody else's.
  async function show() {
    const place = document.getElementById("queue");
    if (!place) return;
    const whose = await owner();
    const mine = (await all()).filter((one) => one.owner === whose);
    const logged = document.body.dataset.loggedOut !== "1";
    place.hidden = mine.length === 0;
    place.querySelector("ul").replaceChildren(...mine.map((one) => {
      const li = document.createElement("li"), head = document.createElement("p");
      const name = document.createElement("span"), value = document.createElement("span");
      head.className = "t"; name.className = "n"; value.className = "v";
      name.textContent = one.name; value.textContent = one.value ?? "";
      head.append(name, value);
      const why = document.createElement("p");
      why.className = "sec";
      const text = one.state === "refused" ? words.refused
        : logged ? words.waiting : words.waiting_login;
      why.textContent = `${text} · ${when(one.at)}`;
      li.append(head, why);
      if (one.state === "refused") {
        const button = document.createElement("button");
        button.type = "button"; button.textContent = `${words.remove}: ${one.name}`;
        button.addEventListener("click", async () => { await remove(one.id); await show(); });
        li.append(button);
      }
      return li;
    }));
    for (const note of document.querySelectorAll(".unsent")) note.hidden = mine.length === 0;
  }

  function say(text) {
    const place = document.getElementById("says");
    if (place) place.textContent = text;
  }

  return { words, receipts, add, lies, send, show, owner, remember, session, say, get, set };
})();
