// Keeps the page up to date, and lets links, forms and keys act in place.
// Everything works without it; then nothing moves by itself.
"use strict";
const $ = (selector, within = document) => within.querySelector(selector);
const region = (name) => $(`[data-region="${name}"]`);
let stream, returnTo, hush, pause;

// morph makes the children of `from` look like those of `to`, keeping every
// element that stays, so that focus, scrolling and what is typed survive.
function morph(from, to) {
  const known = new Map([...from.children].filter((e) => e.id).map((e) => [e.id, e]));
  let at = from.firstChild;
  for (const want of [...to.childNodes]) {
    let have = want.id ? known.get(want.id) : null;
    if (!have && !want.id && at && !at.id && at.nodeName === want.nodeName) have = at;
    if (!have) { from.insertBefore(want, at); continue; }
    if (have === at) at = at.nextSibling; else from.insertBefore(have, at);
    if (have.isEqualNode(want)) continue;
    if (have.nodeType !== Node.ELEMENT_NODE) { have.nodeValue = want.nodeValue; continue; }
    for (const { name } of [...have.attributes]) if (!want.hasAttribute(name)) have.removeAttribute(name);
    for (const { name, value } of want.attributes) if (have.getAttribute(name) !== value) have.setAttribute(name, value);
    morph(have, want);
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
}

// connect listens for the regions of the page at this address.
function connect(then) {
  stream?.close();
  if (document.hidden) return;
  stream = new EventSource("/console/live" + location.search);
  stream.onmessage = (event) => {
    const focused = document.activeElement;
    for (const [name, html] of Object.entries(JSON.parse(event.data))) {
      morph(region(name), Object.assign(document.createElement("template"), { innerHTML: html }).content);
    }
    if (focused?.id && focused !== document.activeElement) document.getElementById(focused.id)?.focus({ preventScroll: true });
    linked(true);
    then = then?.();
  };
  stream.onerror = () => linked(false);
}

const linked = (on) => { const link = $("#link"); link.dataset.live = on ? "on" : "off"; $("span", link).textContent = on ? "Live" : "Reconnecting"; };
const go = (url, then) => { history.pushState(null, "", url); connect(then); };
const toDetail = () => { $(".body", region("detail"))?.scrollTo(0, 0); $("#detail-title")?.focus(); };

function say(text, good) {
  clearTimeout(hush);
  Object.assign($("#toast"), { textContent: text, className: good ? "good" : "bad" });
  hush = setTimeout(() => Object.assign($("#toast"), { textContent: "", className: "" }), 6000);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (link.hasAttribute("data-detail")) { returnTo = link.id; go(link.href, toDetail); }
  else if (link.hasAttribute("data-close")) go(link.href, () => document.getElementById(returnTo)?.focus());
  else go(link.href);
});

document.addEventListener("submit", async (event) => {
  const form = event.target, menu = form.closest("[popover]");
  event.preventDefault();
  if (form.method === "get") return;
  menu?.hidePopover();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } }), { said, to } = await answer.json();
    say(said, answer.ok);
    if (answer.ok && menu) form.reset();
    if (answer.ok && to) go(to, toDetail); else connect();
  } catch { say("The console does not answer.", false); }
});

$("#find").addEventListener("input", (event) => {
  clearTimeout(pause);
  pause = setTimeout(() => { const url = new URL(location); url.searchParams.set("q", event.target.value); history.replaceState(null, "", url); connect(); }, 150);
});
$("#theme").addEventListener("click", () => {
  const now = localStorage.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  localStorage.theme = document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !$(":popover-open")) { if (event.target.matches("#find")) event.target.blur(); else $("[data-close]")?.click(); return; }
  if (event.target.matches("input, textarea, select") || $(":popover-open")) return;
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key], row = event.target.closest(".row");
  if (step && row) { const rows = [...row.closest(".rows").querySelectorAll(".row")]; rows[rows.indexOf(row) + step]?.focus(); event.preventDefault(); return; }
  const target = [...document.querySelectorAll("[data-key]")].find((e) => e.dataset.key === event.key);
  if (target) event.preventDefault();
  if (target?.matches("button, a")) target.click(); else if (target) ($(".row", target) || $("[tabindex='0']", target) || target).focus();
});

for (const happened of ["popstate", "visibilitychange"]) addEventListener(happened, () => connect());
if (localStorage.theme) document.documentElement.dataset.theme = localStorage.theme;
connect();
