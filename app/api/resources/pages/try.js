// The part of an operation's page where it is filled in, sent, and taken along for a shell or Python.

import {send} from "./answer.js";
import {keyOf, resolved} from "./contract.js";
import {code, element, fill, inline, sample} from "./markup.js";
import {bodyOf, exampleOf, requestOf} from "./request.js";
import {curlOf, pythonOf} from "./snippets.js";

// In the memory of this page alone, for its other operations as well; gone when the page is.
let key = "";

export function tryBlock(shown) {
  const {rows, request} = filledIn(shown);
  const form = element("form", {autocomplete: "off"}, rows);
  const shell = sample("", "curl");
  const python = sample("", "Python");
  const rewrite = () => {
    fill(shell, curlOf(request()));
    fill(python, pythonOf(request()));
  };
  form.addEventListener("input", rewrite);
  rewrite();
  return [
    element("details", {class: "try"}, element("summary", {}, "Try it"), form, sending(form, shown, request)),
    element("details", {open: ""}, element("summary", {}, "curl"), shell),
    element("details", {}, element("summary", {}, "Python"), python),
  ];
}

// The rows of the form, and what makes a request of them as they are filled in.
function filledIn(shown) {
  const scope = keyOf(shown);
  const fields = shown.parameters.filter((each) => each.in !== "cookie").map(fieldOf);
  const [choices, others] = [fields.filter(({input}) => input.type === "checkbox"), fields.filter(({input}) => input.type !== "checkbox")];
  const body = bodyOf(shown.operation);
  const text = body && textOf(body.examples);
  return {
    rows: [
      scope ? keyRow(scope) : null,
      others.filter(({required}) => required).map(({row}) => row),
      folded(others.filter(({required}) => !required)),
      body ? [choiceOf(body.examples, text), labelled(`Body, ${body.kind}`, text)] : null,
      choices.map(({row}) => row),
    ],
    request: () => requestOf(shown, fields.map(({name, place, read}) => ({name, place, value: read()})), text?.value, scope ? key : ""),
  };
}

function textOf(examples) {
  const lines = Math.max(...examples.map(({text}) => text.split("\n").length));
  return element("textarea", {rows: Math.min(lines + 1, 20), spellcheck: "false"}, examples[0].text);
}

// Fills the text with the example that is chosen; null if there is no choice.
function choiceOf(examples, text) {
  if (examples.length < 2) return null;
  const select = element("select", {}, examples.map(({name}) => element("option", {}, name)));
  select.addEventListener("input", () => { text.value = examples[select.selectedIndex].text; });
  return labelled("Example of the body", select);
}

function keyRow(scope) {
  const input = element("input", {class: "key", spellcheck: "false", autocapitalize: "off", autocomplete: "off"});
  input.value = key; // no attribute, which a page that is saved would hold
  input.addEventListener("input", () => { key = input.value.trim(); });
  return [
    labelled("API key", input),
    element("p", {class: "soft"}, `Once there are keys, one with the scope ${scope} is needed. It stays in the memory of this page until the page is loaded anew.`),
  ];
}

function fieldOf(parameter) {
  const {name, required, in: place} = parameter;
  const input = inputOf(parameter);
  return {
    name, required, place, input, row: labelled(code(name), input),
    read: () => input.type === "checkbox" ? (input.checked ? "true" : "") : input.value,
  };
}

function inputOf({required, ...parameter}) {
  const {type, enum: values} = resolved(parameter.schema);
  const attributes = {required, spellcheck: "false", autocapitalize: "off"};
  const example = exampleOf(parameter);
  if (type === "boolean") return element("input", {type: "checkbox"});
  if (values) return element("select", {required}, (required ? values : ["", ...values]).map((each) => element("option", {}, each)));
  return element("input", required ? {...attributes, value: example} : {...attributes, placeholder: example});
}

function labelled(label, input) {
  return element("label", {}, element("span", {}, label, input.required ? [" ", element("span", {class: "required"}, "required")] : null), input);
}

function folded(fields) {
  if (!fields.length) return null;
  return element("details", {}, element("summary", {}, `May be left out: ${fields.map(({name}) => name).join(", ")}`), fields.map(({row}) => row));
}

// The button and what comes of it. Pressed twice, it sends once; other pages wait for no answer.
function sending(form, shown, request) {
  const said = element("p", {role: "status"});
  const place = element("section", {"aria-label": "Answer"});
  const stop = request().streams ? element("button", {type: "button"}, "Stop") : null;
  let running = null;
  const leave = () => running?.abort();
  stop?.addEventListener("click", leave);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    addEventListener("hashchange", leave, {once: true});
    await send(request(), {
      operation: shown.operation, scope: keyOf(shown), place, signal: running.signal,
      say: (text) => { said.textContent = text; },
    });
    removeEventListener("hashchange", leave);
    running = null;
  });
  form.append(
    element("p", {id: "effect"}, inline(effectOf(shown))),
    element("p", {class: "buttons"}, element("button", {"aria-describedby": "effect"}, "Send"), stop));
  return [said, place];
}

function effectOf({method, parameters}) {
  if (method === "get") return "This is really asked, of the service that this page came from.";
  const tried = parameters.some(({name}) => name === "dry_run") ? " With `dry_run` it is only decided, and nothing is changed." : "";
  return `This is really done, by the service that this page came from.${tried}`;
}
