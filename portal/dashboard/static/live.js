// Ask every two seconds whether anything changed. Only then fetch the page again and update it in place, so that
// scroll, focus and open rows stay. A tab in the background rests. The page is just as readable without this script.
"use strict";

// The revision from which the page was made. A page that could not be made has none, and is renewed as soon as possible.
let revision = document.body.dataset.seen || "none";
let failures = 0;

async function look() {
  if (document.hidden || !document.body.dataset.revision) return;
  const answer = await fetch(document.body.dataset.revision, { headers: { "If-None-Match": revision }, cache: "no-store" });
  if (answer.status === 401) return location.reload();
  if (answer.status !== 304 && !answer.ok) throw new Error(String(answer.status));
  failures = 0;
  if (answer.ok && await renew()) revision = answer.headers.get("ETag");
}

async function renew() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = document.querySelector("main");
  const open = [...main.querySelectorAll("details")].map((one) => one.open);
  const texts = new Map([...main.querySelectorAll("[data-key]")].map((one) => [one.dataset.key, one.textContent]));
  const typed = new Map([...main.querySelectorAll("textarea[id], input[id]")].map((one) => [one.id, one.value]));
  const focused = path(document.activeElement, main);
  const top = window.scrollY;
  main.replaceChildren(...page.querySelector("main").childNodes);
  main.querySelectorAll("details").forEach((one, n) => { one.open = open[n] ?? one.open; });
  let changed = 0;
  main.querySelectorAll("[data-key]").forEach((one) => {
    if (texts.get(one.dataset.key) !== one.textContent) { one.classList.add("changed"); changed += 1; }
  });
  typed.forEach((text, id) => { const one = document.getElementById(id); if (one) one.value = text; });
  focused?.reduce((at, n) => at?.children[n], main)?.focus({ preventScroll: true });
  window.scrollTo(0, top);
  document.title = page.title;
  if (changed) document.getElementById("news").textContent = document.querySelector("h1").textContent;
  return true;
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
    if (failures === 3) document.getElementById("news").textContent = "The connection is lost. What you see may be old.";
  }
  setTimeout(loop, failures ? 10000 : 2000);
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input, textarea")) return;
  event.preventDefault();
  document.getElementById("q").focus();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) look().catch(() => {}); });
loop();
