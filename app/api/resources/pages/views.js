// What the page shows beside its contents: one operation, one error or one schema at a time.

import {about, keyOf, page, pagesOf, problemsOf, refName, resolved, usersOf} from "./contract.js";
import {fieldList, members, properties, rules, typeOf} from "./fields.js";
import {breakable, code, element, inline, json, link, prose, title} from "./markup.js";
import {tryBlock} from "./try.js";

export const views = {operation: operationView, problem: problemView, schema: schemaView};

export function overview() {
  const {info, schemes, tags} = about();
  return [
    element("h1", {}, info.title),
    prose(info.description),
    schemes.flatMap((scheme) => prose(scheme.description)),
    element("p", {}, "The same for programs: ", element("a", {href: "openapi.json"}, "openapi.json"), "."),
    element("h2", {}, "Requests"),
    tagsWithOperations(tags).map(([tag, description, operations]) => [
      element("h3", {}, inline(description || tag)),
      operationList(operations),
    ]),
  ];
}

export function tagsWithOperations(tags = about().tags) {
  const operations = pagesOf("operation");
  const names = new Set([...tags.map(({name}) => name), ...operations.map(({tag}) => tag)]);
  return [...names].map((name) => [
    name, tags.find((tag) => tag.name === name)?.description, operations.filter(({tag}) => tag === name),
  ]).filter(([, , found]) => found.length);
}

export function verb(method) {
  return element("span", {class: `verb ${method}`}, method.toUpperCase());
}

export function problemsView() {
  return [
    element("h1", {}, "Errors"),
    prose("An error has this name in the `type` of `application/problem+json`."),
    element("dl", {class: "fields"}, pagesOf("problem").map(({name, label, status, value}) =>
      element("div", {},
        element("dt", {}, element("span", {class: "status"}, status), " ", link(name, label)),
        element("dd", {}, element("p", {}, inline(value?.detail ?? "")))))),
  ];
}

export function schemasView() {
  return [
    element("h1", {}, "Schemas"),
    element("dl", {class: "fields"}, pagesOf("schema").map(({name, label, schema}) =>
      element("div", {},
        element("dt", {}, link(name, label)),
        element("dd", {}, element("p", {}, inline(schema.description ?? "")))))),
  ];
}

export function missingView() {
  return [element("h1", {}, "Nothing here"), element("p", {}, "This link leads to nothing on this page. ", link("", "Back to the overview"), ".")];
}

function operationList(operations) {
  return element("ul", {class: "operations"}, operations.map(({name, method, path, operation}) =>
    element("li", {}, link(name, verb(method), " ", element("code", {}, breakable(path))),
      element("p", {}, title(operation.summary ?? "")))));
}

function operationView(shown) {
  const {method, path, operation, parameters} = shown;
  const [body] = Object.values(operation.requestBody?.content ?? {});
  const answers = Object.entries(operation.responses).sort(([one], [other]) => one.localeCompare(other));
  const isError = ([status]) => !/^[123]/.test(status);
  return [
    element("h1", {}, title(operation.summary ?? `${method} ${path}`)),
    element("p", {class: "request"}, verb(method), " ", element("code", {}, breakable(path))),
    prose(operation.description),
    keyNote(shown),
    tryBlock(shown),
    ["path", "query", "header"].map((place) => parameterBlock(place, parameters.filter((each) => each.in === place))),
    body ? [element("h2", {}, "Body"), schemaBlock(body.schema), exampleBlocks(body, "Example of the body")] : null,
    element("h2", {}, "Answers"),
    answers.filter((each) => !isError(each)).map(([status, response]) => answerBlock(status, resolved(response))),
    element("h2", {}, "Errors"),
    element("dl", {class: "fields"}, answers.filter(isError).map(([status, response]) => errorRow(status, response))),
    pager(shown),
  ];
}

function keyNote(shown) {
  const scope = keyOf(shown);
  if (!scope) return prose("Needs no API key.");
  const wider = ["read", "write"].includes(scope) ? "" : " or `write`";
  return prose(`Takes an API key with the scope \`${scope}\`${wider}: \`-H 'Authorization: Bearer <prefix>.<secret>'\`.`);
}

const PLACES = {path: "In the path", query: "Query", header: "Headers"};

function parameterBlock(place, parameters) {
  if (!parameters.length) return null;
  return [element("h2", {}, PLACES[place]), fieldList(parameters)];
}

function schemaBlock(schema = {}) {
  const found = resolved(schema);
  return [element("p", {}, typeOf(schema)), rules(schema), found === schema ? null : prose(found.description), properties(found)];
}

// The first example is seen at once, the others on demand.
function exampleBlocks(media, label) {
  return Object.entries(media.examples ?? {}).map(([name, example], index) =>
    element("details", {open: index ? undefined : ""},
      element("summary", {}, `${label}: ${name}`), json(resolved(example).value, `${label}: ${name}`)));
}

function answerBlock(status, {description = "", content = {}, headers = {}}) {
  return element("section", {class: "answer"},
    element("h3", {}, element("span", {class: "status"}, status), " ", title(description)),
    Object.entries(content).map(([kind, media]) => [
      element("p", {}, code(kind), " ", typeOf(media.schema)), members(media.schema), exampleBlocks(media, `Example of ${status}`),
    ]),
    headerDetails(headers));
}

function headerDetails(headers) {
  const rows = Object.entries(headers).map(([name, header]) => ({...resolved(header), name}));
  if (!rows.length) return null;
  return element("details", {}, element("summary", {}, `Headers: ${rows.map(({name}) => name).join(", ")}`), fieldList(rows));
}

function errorRow(status, response) {
  return element("div", {},
    element("dt", {}, element("span", {class: "status"}, status)),
    element("dd", {},
      element("p", {}, inline(resolved(response).description ?? "")),
      element("p", {class: "kinds"}, problemsOf(response).flatMap((kind, index) => [index ? " · " : "", link(`problem-${kind}`, kind)]))));
}

function problemView({label, status, description, headers, value, envelope}) {
  return [
    element("h1", {}, value?.title ?? label),
    element("p", {class: "request"}, element("span", {class: "status"}, status), " ", code(label)),
    prose(description),
    element("h2", {}, "In the envelope"),
    json(envelope, "The error in the envelope"),
    element("h2", {}, "As application/problem+json"),
    json(value, "The error as RFC 9457"),
    headerDetails(headers),
    userBlock(usersOf(`#/components/responses/${status}`)),
  ];
}

function schemaView({label, schema}) {
  return [
    element("h1", {}, label),
    prose(schema.description),
    schema.properties ? properties(schema) : [element("p", {}, typeOf(schema)), rules(schema)],
    userBlock(usersOf(`#/components/schemas/${label}`)),
  ];
}

function userBlock(operations) {
  return operations.length ? [element("h2", {}, "Where it is met"), operationList(operations)] : null;
}

function pager(shown) {
  const all = pagesOf("operation");
  const at = all.findIndex(({name}) => name === shown.name);
  const step = (other, word) => other ? link(other.name, `${word}: `, title(other.operation.summary ?? other.path)) : null;
  return element("nav", {class: "pager", "aria-label": "Operations before and after"}, step(all[at - 1], "Before"), step(all[at + 1], "Next"));
}
