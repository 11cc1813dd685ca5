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

// What is wider than the page, or higher than its frame, can be scrolled by keyboard as well.
const watched = new ResizeObserver((entries) => {
  for (const {target: {parentElement: pre}} of entries) {
    if (pre.scrollWidth > pre.clientWidth || pre.scrollHeight > pre.clientHeight) pre.tabIndex = 0;
    else pre.removeAttribute("tabindex");
  }
});

export function sample(text, label) {
  const shown = element("code", {}, text);
  watched.observe(shown);
  return element("div", {class: "sample"}, element("pre", {role: "group", "aria-label": label}, shown), copyButton(shown, label));
}

export function fill(shown, text) {
  shown.querySelector("code").textContent = text;
}

export function json(value, label) {
  return sample(typeof value === "string" ? value : JSON.stringify(value, null, 2), label);
}

function copyButton(shown, label) {
  const button = element("button", {type: "button", class: "copy", "aria-label": `Copy: ${label}`}, "Copy");
  const said = document.getElementById("said");
  button.addEventListener("click", async () => {
    button.textContent = await copied(shown) ? "Copied" : "Press Ctrl+C";
    said.textContent = `${button.textContent}: ${label}`;
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

// A page that came without TLS has no clipboard: there, and where it is refused, the text is
// selected and copied as by the menu, or by the reader.
async function copied(shown) {
  try {
    await navigator.clipboard.writeText(shown.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(shown);
    return document.execCommand("copy");
  }
}
