// Reads /openapi.json: what there is, what it is called, and what leads where.

let spec;
let pages;

export async function load() {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`openapi.json answers ${answer.status}`);
  spec = await answer.json();
  pages = new Map([...operationPages(), ...problemPages(), ...schemaPages()].map((page) => [page.name, page]));
}

export function about() {
  return {info: spec.info, schemes: Object.values(spec.components?.securitySchemes ?? {}), tags: spec.tags ?? []};
}

export function page(name) {
  return pages.get(name);
}

export function pagesOf(kind) {
  return [...pages.values()].filter((each) => each.kind === kind);
}

export function resolved(object = {}) {
  if (!object.$ref) return object;
  const found = object.$ref.slice(2).split("/").reduce((part, key) =>
    part?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], spec);
  return resolved(found);
}

export function refName(object) {
  return object.$ref?.split("/").pop();
}

// Which scope of a key an operation needs: null if none.
export function keyOf({method, operation}) {
  const security = operation.security ?? spec.security ?? [];
  if (!security.some((each) => Object.keys(each).length)) return null;
  return operation["x-needs-scope"] ?? (method === "get" ? "read" : "write");
}

export function problemsOf(response) {
  return Object.keys(resolved(response).content?.["application/problem+json"]?.examples ?? {});
}

// The operations in whose description the text of a reference stands.
export function usersOf(...references) {
  return pagesOf("operation").filter(({text}) => references.some((each) => text.includes(`"${each}"`)));
}

function operationPages() {
  return Object.entries(spec.paths ?? {}).flatMap(([path, {parameters = [], ...methods}]) =>
    Object.entries(methods).filter(([, operation]) => operation.responses).map(([method, operation]) => {
      const all = [...parameters, ...(operation.parameters ?? [])].map(resolved);
      return {
        kind: "operation", name: operation.operationId ?? `${method}-${path}`, tag: operation.tags?.[0] ?? "more",
        path, method, operation, parameters: all, text: JSON.stringify(operation),
        words: [method, path, operation.operationId, operation.summary, ...all.map((each) => each.name)].join(" "),
      };
    }));
}

function problemPages() {
  return Object.entries(spec.components?.responses ?? {}).flatMap(([status, response]) => {
    const {content = {}, description = "", headers = {}} = resolved(response);
    const rfc9457 = content["application/problem+json"]?.examples ?? {};
    const envelopes = content["application/json"]?.examples ?? {};
    return Object.entries(rfc9457).map(([kind, {value}]) => ({
      kind: "problem", name: `problem-${kind}`, label: kind, status, description, headers, value,
      envelope: envelopes[kind]?.value, words: `${status} ${kind} ${value?.title} ${value?.detail}`,
    }));
  });
}

function schemaPages() {
  return Object.entries(spec.components?.schemas ?? {}).map(([name, schema]) => ({
    kind: "schema", name: `schema-${name}`, label: name, schema,
    words: [name, ...Object.keys(schema.properties ?? {})].join(" "),
  }));
}
