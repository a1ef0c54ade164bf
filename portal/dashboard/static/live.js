// Ask every two seconds whether anything changed; only then fetch the page again and put it in place, so that
// scroll, focus and open rows stay. A tab in the background rests. Without this script the page is as readable.
"use strict";

const address = document.body.dataset.revision;
let revision = null;
let failures = 0;

async function look() {
  if (document.hidden || !address) return;
  const headers = revision ? { "If-None-Match": revision } : {};
  const answer = await fetch(address, { headers, cache: "no-store" });
  if (answer.status === 401) return location.reload();
  if (answer.status !== 304 && !answer.ok) throw new Error(String(answer.status));
  failures = 0;
  if (answer.status === 304) return;
  const before = revision;
  revision = answer.headers.get("ETag");
  if (before && revision !== before) await renew();
}

async function renew() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = document.querySelector("main");
  const open = [...main.querySelectorAll("details")].map((one) => one.open);
  const texts = new Map([...main.querySelectorAll("[data-key]")].map((one) => [one.dataset.key, one.textContent]));
  const writing = [...main.querySelectorAll("textarea")].map((one) => one.value);
  const focused = path(document.activeElement, main);
  const top = window.scrollY;
  main.replaceChildren(...page.querySelector("main").childNodes);
  main.querySelectorAll("details").forEach((one, n) => { one.open = open[n] ?? one.open; });
  main.querySelectorAll("textarea").forEach((one, n) => { one.value = writing[n] ?? one.value; });
  let changed = 0;
  main.querySelectorAll("[data-key]").forEach((one) => {
    if (texts.get(one.dataset.key) !== one.textContent) { one.classList.add("changed"); changed += 1; }
  });
  focused?.reduce((at, n) => at?.children[n], main)?.focus({ preventScroll: true });
  window.scrollTo(0, top);
  document.title = page.title;
  if (changed) document.getElementById("news").textContent = document.querySelector("h1").textContent;
}

function path(element, root) {
  const steps = [];
  for (let at = element; at && at !== root; at = at.parentElement) {
    if (!at.parentElement) return null;
    steps.unshift([...at.parentElement.children].indexOf(at));
  }
  return element === root ? null : steps;
}

async function loop() {
  try {
    await look();
  } catch {
    failures += 1;
    if (failures === 3) document.getElementById("news").textContent = "The connection is lost; what you see may be old.";
  }
  setTimeout(loop, failures ? 10000 : 2000);
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
  event.preventDefault();
  document.getElementById("q").focus();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) look().catch(() => {}); });
loop();
