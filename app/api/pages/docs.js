// Shows /openapi.json. Text is only ever put in as text, never as markup.
"use strict";

let spec;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function resolved(object) {
  if (!object.$ref) return object;
  return object.$ref.slice(2).split("/").reduce((part, key) => part[key.replaceAll("~1", "/").replaceAll("~0", "~")], spec);
}

// The little of Markdown that descriptions use: paragraphs, `code`, **bold**.
function prose(text = "") {
  return text.trim().split(/\n\n+/).map((paragraph) =>
    element("p", {}, ...paragraph.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((piece) => {
      if (piece.startsWith("`")) return element("code", {}, piece.slice(1, -1));
      if (piece.startsWith("**")) return element("strong", {}, piece.slice(2, -2));
      return piece;
    })));
}

function json(value) {
  return element("pre", {}, element("code", {}, JSON.stringify(value, null, 2)));
}

function table(heads, rows) {
  return element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", {scope: "col"}, head)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, ...[cell].flat()))))));
}

function schemaLink(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return [element("a", {href: `#schema-${name}`}, name)];
  }
  const several = schema.oneOf || schema.anyOf;
  if (several) return several.flatMap((one, index) => [index ? " or " : "", ...schemaLink(one)]);
  if (schema.items) return ["list of ", ...schemaLink(schema.items)];
  return [[schema.type || "anything"].flat().join(" or ") + (schema.format ? ` (${schema.format})` : "")];
}

const LIMITS = {minLength: "at least", maxLength: "at most", minimum: "from", maximum: "to", minItems: "at least", maxItems: "at most", maxProperties: "at most"};
const UNITS = {Length: " characters", Items: " items", Properties: " members"};

function rules(schema) {
  const found = Object.entries(LIMITS).filter(([key]) => key in schema).map(([key, words]) =>
    `${words} ${schema[key]}${UNITS[key.slice(3)] || ""}`);
  if (schema.enum) found.push(`one of ${schema.enum.join(", ")}`);
  if ("default" in schema) found.push(`default ${JSON.stringify(schema.default)}`);
  return found.join("; ");
}

function about(thing, schema) {
  const limits = rules(schema);
  return [thing.description || "", limits ? element("div", {class: "soft"}, limits) : ""];
}

function examples(media) {
  return Object.entries(media.examples || {}).flatMap(([name, example]) =>
    [element("div", {class: "soft"}, name), json(example.value)]);
}

function responseBlock(status, response) {
  const kinds = Object.entries(response.content || {});
  const headers = Object.entries(response.headers || {}).map(([name, header]) => [element("code", {}, name), resolved(header).description || ""]);
  return element("details", {},
    element("summary", {}, element("strong", {}, status), ` ${response.description}`),
    ...kinds.flatMap(([kind, media]) => [element("p", {}, element("code", {}, kind), " ", ...schemaLink(media.schema)), ...examples(media)]),
    headers.length ? table(["Header", ""], headers) : null);
}

function operationBlock(path, method, operation, shared) {
  const parameters = [...shared, ...(operation.parameters || [])].map(resolved);
  const body = operation.requestBody && operation.requestBody.content["application/json"];
  return element("section", {id: operation.operationId},
    element("h3", {}, element("span", {class: "verb"}, method.toUpperCase()), element("code", {}, path)),
    ...prose([operation.summary, operation.description].filter(Boolean).join("\n\n")),
    parameters.length ? table(["Parameter", "In", "Type", ""], parameters.map((each) =>
      [element("code", {}, each.name), each.in + (each.required ? ", required" : ""), schemaLink(each.schema), about(each, each.schema)])) : null,
    ...(body ? [element("h4", {}, "Body"), element("p", {}, ...schemaLink(body.schema)), ...examples(body)] : []),
    element("h4", {}, "Answers"),
    ...Object.entries(operation.responses).map(([status, response]) => responseBlock(status, resolved(response))));
}

function problemBlock(status, response) {
  const media = (response.content || {})["application/problem+json"];
  return Object.entries((media && media.examples) || {}).map(([kind, example]) =>
    element("section", {id: `problem-${kind}`}, element("h4", {}, `${status} ${example.value.title}`), json(example.value)));
}

function schemaBlock(name, schema) {
  const required = schema.required || [];
  return element("section", {id: `schema-${name}`},
    element("h4", {}, name),
    ...prose(schema.description),
    table(["Field", "Type", ""], Object.entries(schema.properties || {}).map(([field, each]) =>
      [element("code", {}, field), [...schemaLink(each), required.includes(field) ? ", required" : ""], about(each, each)])));
}

function show() {
  const {responses = {}, schemas = {}, securitySchemes = {}} = spec.components;
  const operations = Object.entries(spec.paths).flatMap(([path, {parameters = [], ...methods}]) =>
    Object.entries(methods).map(([method, operation]) => ({path, method, operation, parameters})));
  document.title = spec.info.title;
  document.getElementById("index").replaceChildren(
    element("strong", {}, spec.info.title),
    ...operations.map(({path, method, operation}) => element("a", {href: `#${operation.operationId}`}, `${method.toUpperCase()} ${path}`)),
    element("h2", {}, "More"),
    element("a", {href: "#problems"}, "Errors"),
    element("a", {href: "#schemas"}, "Schemas"),
    element("a", {href: "openapi.json"}, "openapi.json"));
  document.getElementById("content").replaceChildren(
    element("h1", {}, `${spec.info.title} ${spec.info.version}`),
    ...prose(spec.info.description),
    ...Object.values(securitySchemes).flatMap((scheme) => prose(scheme.description)),
    element("h2", {}, "Requests"),
    ...operations.map(({path, method, operation, parameters}) => operationBlock(path, method, operation, parameters)),
    element("h2", {id: "problems"}, "Errors"),
    ...Object.entries(responses).flatMap(([status, response]) => problemBlock(status, response)),
    element("h2", {id: "schemas"}, "Schemas"),
    ...Object.entries(schemas).map(([name, schema]) => schemaBlock(name, schema)));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("openapi.json").then((answer) => {
  if (!answer.ok) throw new Error(`openapi.json answers ${answer.status}`);
  return answer.json();
}).then((found) => {
  spec = found;
  show();
}).catch((error) => {
  document.getElementById("content").replaceChildren(element("p", {}, `This page could not be filled: ${error.message}`));
});
