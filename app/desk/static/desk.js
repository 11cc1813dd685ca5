// What makes the desk quicker for who has JavaScript: nothing here is needed for anything.

"use strict";

const FORMATS = {
  moment: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  date: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
};

/** Show moments in the reader's own zone; the title keeps them in UTC. */
function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = FORMATS[time.dataset.shown].format(new Date(time.dateTime));
  }
}

/** Whether what is typed goes into a field. */
function isTyping(event) {
  return event.target.closest("input, textarea, select, [contenteditable]") !== null;
}

let last = "";

const GO = { c: "/desk/carriers", a: "/desk", d: "/desk/duplicates", h: "/desk/health" };

/** Move the focus from row to row of a table. */
function step(by) {
  const links = [...document.querySelectorAll(".rows tbody th a, .rows tbody td:first-child a")];
  const now = links.indexOf(document.activeElement);
  const next = links[now < 0 ? 0 : Math.min(links.length - 1, Math.max(0, now + by))];
  next?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  const before = last;
  last = event.key;
  if (before === "g" && Object.hasOwn(GO, event.key)) {
    location.assign(GO[event.key]);
  } else if (event.key === "/") {
    event.preventDefault();
    const search = document.querySelector("#q");
    if (search) { search.focus(); search.select(); } else { location.assign("/desk/carriers#q"); }
  } else if (event.key === "?") {
    document.querySelector("#keys").showModal();
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  }
});

/** Offer to tick all rows of the page at once. */
function offerAll(root) {
  for (const all of root.querySelectorAll("[data-all]")) all.hidden = false;
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const each of event.target.form.querySelectorAll("[name=carrier]")) {
    each.checked = event.target.checked;
  }
});

/** Say which value a slider has, beside its name. */
function sayValue(root) {
  for (const output of root.querySelectorAll("output[for]")) {
    output.value = document.getElementById(output.htmlFor.value).value;
    output.hidden = false;
  }
}

document.addEventListener("input", (event) => {
  if (event.target.type === "range") sayValue(event.target.form);
});

document.addEventListener("htmx:afterSwap", (event) => {
  localize(event.target.ownerDocument);
  offerAll(event.target.ownerDocument);
  follow();
});

const STAYS_MILLISECONDS = 1000;
let changes = null;
let opening = 0;

/** Say how much has changed since the page was made, and change nothing else of it. Only a page that
    somebody stays on is told, as each one that is takes a place on the server. */
function follow() {
  changes?.close();
  clearTimeout(opening);
  const line = document.querySelector("[data-changes]");
  if (!line || document.hidden) return;
  opening = setTimeout(() => {
    changes = new EventSource(line.dataset.changes);
    changes.addEventListener("message", ({ data }) => {
      line.textContent = `${Number(data).toLocaleString()} new ${data === "1" ? "change" : "changes"} — show`;
      line.hidden = data === "0";
    });
  }, STAYS_MILLISECONDS);
}

document.addEventListener("visibilitychange", follow);

// A menu closes when something else is pressed.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// One press sends a form; the key in the form keeps a second one from doing it twice as well.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.submitter?.hasAttribute("data-download")) return; // the page stays
  if (form.method !== "post" || form.dataset.sent) {
    if (form.dataset.sent) event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
});

localize(document);
offerAll(document);
sayValue(document);
follow();
// What there was no time for is gone on with at once.
document.querySelector("form[data-goes-on] button")?.click();
if (location.hash === "#q") document.querySelector("#q")?.focus();
