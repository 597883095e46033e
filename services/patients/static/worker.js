// Keeps the page's own files and one page without anybody in it, for when there is no network.
// No page with a patient in it, and no answer of the record, is ever kept here.
"use strict";

const SHELL = "hjemvakt-shell-2";
const OFFLINE = "/me/offline";
const FILES = [OFFLINE, "/me/static/colours.css", "/me/static/hjemvakt.css", "/me/static/queue.js", "/me/static/drafts.js", "/me/static/me.js", "/me/static/icon.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event, { pathname, origin } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  } else if (FILES.includes(pathname)) {
    event.respondWith(fresh(request));
  }
});

async function fresh(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok) await (await caches.open(SHELL)).put(request, answer.clone());
    return answer;
  } catch {
    return (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
  }
}

// A notice says that something waits, never what: the telephone may lie face up on a table.
self.addEventListener("push", (event) => {
  let told = {};
  try { told = event.data?.json() ?? {}; } catch { /* unreadable: said all the same, without words */ }
  event.waitUntil(self.registration.showNotification(told.title ?? "Hjemvakt", {
    body: told.body ?? "", tag: told.tag ?? "hjemvakt", lang: told.lang ?? "nb",
    icon: "/me/static/icon-192.png", data: { place: told.place ?? "/me" },
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = event.notification.data?.place ?? "/me";
  const place = wanted.startsWith("/me") ? wanted : "/me";
  event.waitUntil(self.clients.matchAll({ type: "window" }).then((open) => {
    const mine = open.find((one) => new URL(one.url).pathname.startsWith("/me"));
    return mine ? mine.focus().then((one) => one.navigate(place)) : self.clients.openWindow(place);
  }));
});
