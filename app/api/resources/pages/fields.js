// Shows what a value has to be: its type, its limits, and the fields of an object.

import {refName, resolved} from "./contract.js";
import {code, element, inline, link} from "./markup.js";

const LIMITS = {
  minLength: ["at least", " characters"], maxLength: ["at most", " characters"],
  minimum: ["from", ""], maximum: ["to", ""], exclusiveMinimum: ["more than", ""], exclusiveMaximum: ["less than", ""],
  minItems: ["at least", " items"], maxItems: ["at most", " items"],
  minProperties: ["at least", " members"], maxProperties: ["at most", " members"],
};

export function typeOf(schema = {}) {
  if (schema.$ref) return [link(`schema-${refName(schema)}`, refName(schema))];
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return distinct(several.map(typeOf)).flatMap((each, index) => [index ? " or " : "", ...each]);
  if (schema.allOf?.length === 1) return typeOf(schema.allOf[0]);
  if (schema.items) return ["list of ", ...typeOf(schema.items)];
  const types = [schema.type ?? []].flat();
  return [(types.length ? types.join(" or ") : "anything") + (schema.format ? ` (${schema.format})` : "")];
}

export function fieldList(rows) {
  return element("dl", {class: "fields"}, rows.map(({name, schema = {}, required, description}) =>
    element("div", {},
      element("dt", {},
        code(name), " ",
        element("span", {class: "type"}, typeOf(schema)),
        required ? [" ", element("span", {class: "required"}, "required")] : null),
      element("dd", {}, element("p", {}, inline(description ?? schema.description ?? resolved(schema).description ?? "")),
        rules(schema), members(schema)))));
}

export function properties(schema) {
  const required = schema.required ?? [];
  const rows = Object.entries(schema.properties ?? {}).map(([name, each]) =>
    ({name, schema: each, required: required.includes(name)}));
  return fieldList(rows.sort((one, other) => other.required - one.required));
}

// Of a schema that is shared, where it is used too.
export function rules(reference) {
  const schema = {...resolved(reference), ...reference};
  const limits = Object.entries(LIMITS).filter(([key]) => key in schema).map(([key, [before, after]]) =>
    [`${before} ${schema[key]}${after}`]);
  const values = schema.enum ?? ("const" in schema ? [schema.const] : null);
  if (values) limits.push([values.length > 1 ? "one of " : "always ", values.flatMap((value, index) => [index ? ", " : "", code(shown(value))])]);
  if (schema.pattern) limits.push(["matches ", code(schema.pattern)]);
  if (schema.default !== undefined && schema.default !== null) limits.push(["by default ", code(shown(schema.default))]);
  if (!limits.length) return null;
  return element("p", {class: "soft"}, limits.flatMap((each, index) => [index ? "; " : "", ...each]));
}

// The fields of the objects that a value may be, to be unfolded in their place.
export function members(schema = {}) {
  const {oneOf, anyOf} = resolved(schema);
  const several = oneOf ?? anyOf;
  if (several) return several.flatMap(members);
  const each = schema.items ?? schema;
  if (!each.$ref || !resolved(each).properties) return [];
  return [unfolding(`Fields of ${refName(each)}`, () => properties(resolved(each)))];
}

// Filled when it is first opened: a schema may hold itself.
function unfolding(label, fill) {
  const details = element("details", {}, element("summary", {}, label));
  details.addEventListener("toggle", () => details.append(fill()), {once: true});
  return details;
}

function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function distinct(types) {
  const text = (type) => type.map((each) => each.textContent ?? each).join("");
  return types.filter((type, index) => types.findIndex((other) => text(other) === text(type)) === index);
}
