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
    document.querySelector(`.bar a[href="${GO[event.key]}"]`)?.click();
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
  htmx.trigger(document.body, "htmx:abort"); // no other page comes in meanwhile
  addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
});

/** What is done to a page, or to the part of it that was swapped in. */
function prepare(root) {
  localize(root);
  offerAll(root);
  sayValue(root);
  follow();
}

// A link from screen to screen swaps the next page in, and so does the way back, as nothing of a page
// is kept: styles, scripts and the listeners above stay.

/** The page's address, without what is a place in it. */
function here() {
  return location.pathname + location.search;
}

const places = new Map();
let place = 0;
let shown = here();

/** Remember how far down the page is that has this address. */
function keepPlace() {
  places.set(here(), scrollY);
}

addEventListener("scrollend", keepPlace);

/** Whether the page asks for the files that are here: those of another release have other addresses. */
function isOfThisRelease(page) {
  const files = document.head.querySelectorAll("[href^='/desk/static/'], [src^='/desk/static/']");
  return [...files].every((each) => page.includes(each.getAttribute(each.src ? "src" : "href")));
}

/** Leave what was asked for as somebody typed: it is for this page, not for the next. */
function endSearches() {
  for (const form of document.querySelectorAll("form.htmx-request")) htmx.trigger(form, "htmx:abort");
}

/** Whether another page was given than the one asked for: where to sign in. */
function isElsewhere(asked, given) {
  return new URL(asked, location.href).pathname !== new URL(given).pathname;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const { boosted, isError, pathInfo, serverResponse, target, xhr } = event.detail;
  const isPage = target === document.body;
  const asked = pathInfo.finalRequestPath;
  if (isPage) endSearches();
  if (!isOfThisRelease(serverResponse) || (!isPage && (isError || isElsewhere(asked, xhr.responseURL)))) {
    event.preventDefault();
    location.assign(asked);
    return;
  }
  event.detail.shouldSwap = true; // a page that says what is wrong is one as well
  if (boosted) keepPlace();
  target.replaceChildren(); // htmx takes longer, as it tells each element that it goes
});

document.addEventListener("htmx:sendError", ({ detail }) => {
  if (detail.target === document.body) location.assign(detail.pathInfo.finalRequestPath);
});

// As in browsers, the same page again is no further one to go back to.
document.addEventListener("htmx:beforeHistoryUpdate", ({ detail: { history: update, target } }) => {
  // What was typed before somebody went back is not of the page that one went back to.
  const isLate = target !== document.body && document.body.classList.contains("htmx-request");
  if (isLate) update.path = here();
  if (update.path === here()) update.type = "replace";
});

document.addEventListener("htmx:historyCacheMiss", (event) => {
  event.preventDefault();
  endSearches();
  if (event.detail.path === shown) return; // from place to place of one page
  place = places.get(event.detail.path) ?? 0;
  htmx.ajax("GET", event.detail.path, { source: document.body }).catch(() => {}); // seen to above
});

document.addEventListener("htmx:afterSwap", ({ detail, target }) => {
  prepare(target);
  shown = here();
  if (target !== document.body) return;
  // A screen reader says where one is now, and the keyboard goes on from there.
  const heading = document.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  if (!detail.boosted) scrollTo({ top: place, behavior: "instant" });
});

// To open a link elsewhere, or to keep it, is the browser's; of its keys htmx knows Ctrl and Cmd. So is
// to leave a form that is on its way, and a form's answer, which nobody can ask for again by its address.
document.addEventListener("click", (event) => {
  const isAnswer = "answer" in document.body.dataset || document.querySelector("form[data-sent]");
  if (event.shiftKey || event.altKey || isAnswer) event.stopPropagation();
}, { capture: true });

prepare(document);
// What there was no time for is gone on with at once.
document.querySelector("form[data-goes-on] button")?.click();
if (location.hash === "#q") document.querySelector("#q")?.focus();
