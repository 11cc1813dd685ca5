// Makes a request of an operation and of what was filled in for it.

import {resolved} from "./contract.js";

export function exampleOf({example, schema}) {
  const {example: ofType, enum: values = []} = resolved(schema);
  return String(example ?? ofType ?? values[0] ?? "");
}

// The kind of body that an operation takes, with a text for each example; null if it takes none.
export function bodyOf({requestBody}) {
  const [kind, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (!kind) return null;
  const named = Object.entries(media.examples ?? {}).map(([name, example]) => [name, resolved(example).value]);
  const examples = named.length ? named : [["", media.example ?? ""]];
  return {kind, examples: examples.map(([name, value]) => ({name, text: typeof value === "string" ? value : JSON.stringify(value, null, 2)}))};
}

// `values` holds a name, a place ("path", "query", "header") and a text for each parameter; those
// without a text are left out.
export function requestOf({method, path, operation}, values, text = "", key = "") {
  const filled = (place) => values.filter((each) => each.place === place && each.value !== "");
  const way = filled("path").reduce((done, {name, value}) =>
    done.replace(`{${name}}`, () => encodeURIComponent(value)), path);
  const query = filled("query").map(({name, value}) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
  const headers = Object.fromEntries(filled("header").map(({name, value}) => [name, value]));
  if (text) headers["Content-Type"] = bodyOf(operation).kind;
  return {
    method: method.toUpperCase(), headers, key, text,
    address: new URL(".", location.href).href.replace(/\/$/, "") + way + (query ? `?${query}` : ""),
    streams: Object.values(operation.responses).some((each) => resolved(each).content?.["text/event-stream"]),
  };
}
