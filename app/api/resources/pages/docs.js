// Shows /openapi.json: contents on one side, what the address names behind its # on the other.

import {about, load, page, pagesOf} from "./contract.js";
import {breakable, element, link} from "./markup.js";
import {missingView, overview, problemsView, schemasView, tagsWithOperations, verb, views} from "./views.js";

const content = document.getElementById("content");
const contents = document.getElementById("contents");
const filter = document.getElementById("filter");
const found = document.getElementById("found");
const menu = document.getElementById("menu");

const FIXED = {"": overview, problems: problemsView, schemas: schemasView};

function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

function show({focused = true} = {}) {
  const name = named();
  const shown = page(name);
  const view = shown ? () => views[shown.kind](shown) : FIXED[name] ?? missingView;
  content.replaceChildren(...element("div", {}, view()).childNodes);
  document.title = [...new Set([content.querySelector("h1").textContent, about().info.title])].join(" – ");
  for (const each of contents.querySelectorAll("a")) {
    if (each.getAttribute("href") === `#${name}`) {
      each.setAttribute("aria-current", "page");
      each.closest("details")?.setAttribute("open", "");
      if (contents.scrollHeight > contents.clientHeight) each.scrollIntoView({block: "nearest"});
    } else {
      each.removeAttribute("aria-current");
    }
  }
  expand(false);
  if (focused) {
    scrollTo(0, 0);
    content.focus({preventScroll: true});
  }
}

function expand(open) {
  menu.setAttribute("aria-expanded", open);
  contents.classList.toggle("open", open);
}

function group(label, entries, open) {
  return element("details", {open: open ? "" : undefined, "data-open": open ? "" : undefined},
    element("summary", {}, label), element("ul", {}, entries));
}

function entry(name, words, ...children) {
  return element("li", {"data-words": words.toLowerCase()}, link(name, ...children));
}

function fillContents() {
  document.getElementById("index").replaceChildren(
    ...tagsWithOperations().map(([tag, , operations]) => group(tag, operations.map(({name, words, method, path}) =>
      entry(name, words, verb(method), element("code", {}, breakable(path)))), true)),
    group("errors", [
      entry("problems", "errors", "All errors"),
      ...pagesOf("problem").map(({name, words, status, label}) => entry(name, words, `${status} ${label}`)),
    ], false),
    group("schemas", [
      entry("schemas", "schemas", "All schemas"),
      ...pagesOf("schema").map(({name, words, label}) => entry(name, words, label)),
    ], false));
}

// Every word has to be met; groups with hits open, those without go away.
function narrow() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let hits = 0;
  for (const details of contents.querySelectorAll("details")) {
    const entries = [...details.querySelectorAll("li")];
    for (const each of entries) each.hidden = !words.every((word) => each.dataset.words.includes(word));
    const left = entries.filter((each) => !each.hidden).length;
    hits += left;
    details.hidden = !left;
    details.open = words.length ? left > 0 : "open" in details.dataset || details.querySelector("[aria-current]") !== null;
  }
  found.textContent = words.length ? `${hits || "Nothing"} found` : "";
}

filter.addEventListener("input", narrow);
filter.addEventListener("keydown", (event) => {
  if (event.key === "Enter") contents.querySelector("li:not([hidden]) a")?.click();
  if (event.key === "Escape") {
    filter.value = "";
    narrow();
  }
});
menu.addEventListener("click", () => expand(menu.getAttribute("aria-expanded") !== "true"));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address goes on naming what is shown
  content.focus();
});
addEventListener("keydown", (event) => {
  if (event.key !== "k" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  expand(true);
  filter.focus();
});
addEventListener("hashchange", () => show());

try {
  await load();
  document.querySelector(".home").textContent = about().info.title;
  fillContents();
  show({focused: false});
} catch (error) {
  content.replaceChildren(element("h1", {}, "API"), element("p", {}, `This page could not be filled: ${error.message}`));
}
