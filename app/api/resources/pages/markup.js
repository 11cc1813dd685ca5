// Makes elements. Text is only ever put in as text, never as markup.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

export function link(name, ...children) {
  return element("a", {href: `#${name}`}, ...children);
}

export function code(text) {
  return element("code", {}, breakable(text));
}

// A long path or pattern may go on in the next line, but not within a word.
export function breakable(text) {
  return String(text).split(/(?<=[|)\],])|(?=[/({[])/).flatMap((part, index) =>
    index ? [element("wbr"), part] : [part]);
}

// The little of Markdown that descriptions use: `code` and **bold**, in paragraphs.
export function inline(text = "") {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((piece) => {
    if (/^`.+`$/s.test(piece)) return code(piece.slice(1, -1));
    if (/^\*\*.+\*\*$/s.test(piece)) return element("strong", {}, inline(piece.slice(2, -2)));
    return piece;
  });
}

export function prose(text = "") {
  return text.trim().split(/\n\s*\n/).filter(Boolean).map((paragraph) => element("p", {}, inline(paragraph)));
}

// A summary as a heading: without the full stop of its sentence.
export function title(text) {
  return inline(text.replace(/\s+/g, " ").replace(/\.$/, ""));
}

// What is wider than the page can be scrolled by keyboard as well.
const watched = new ResizeObserver((entries) => {
  for (const {target} of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

export function sample(text, label) {
  const pre = element("pre", {role: "group", "aria-label": label}, element("code", {}, text));
  watched.observe(pre);
  return element("div", {class: "sample"}, pre, copyButton(text, label));
}

export function json(value, label) {
  return sample(typeof value === "string" ? value : JSON.stringify(value, null, 2), label);
}

function copyButton(text, label) {
  if (!navigator.clipboard) return null; // only where the page came by a safe way
  const button = element("button", {type: "button", class: "copy", "aria-label": `Copy: ${label}`}, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}
