// Writes an operation as a line for a shell, with the examples of the description.

import {resolved} from "./contract.js";

export function curlOf({method, path, operation, parameters}) {
  const example = (each) => each.example ?? resolved(each.schema).example;
  const filled = parameters.filter((each) => each.in === "path").reduce((done, each) =>
    done.replace(`{${each.name}}`, encodeURIComponent(example(each) ?? each.name)), path);
  const query = parameters.filter((each) => each.in === "query" && each.required).map((each) =>
    `${encodeURIComponent(each.name)}=${encodeURIComponent(example(each) ?? "")}`).join("&");
  const address = new URL(".", location.href).href.replace(/\/$/, "") + filled + (query ? `?${query}` : "");
  const streams = Object.values(operation.responses ?? {}).some((each) => resolved(each).content?.["text/event-stream"]);
  const lines = [`curl ${streams ? "-N" : "-i"} ${quoted(address)}`];
  const [kind, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const sent = Object.values(body?.examples ?? {})[0]?.value ?? body?.example;
  if (method !== "get" && !(method === "post" && sent !== undefined)) lines.push(`-X ${method.toUpperCase()}`);
  if (sent !== undefined) lines.push(`-H 'Content-Type: ${kind}'`, data(sent));
  return lines.join(" \\\n  ");
}

// -d leaves out line ends, which a file needs.
function data(sent) {
  return typeof sent === "string" ? `--data-binary ${quoted(sent)}` : `-d ${quoted(JSON.stringify(sent))}`;
}

function quoted(text) {
  return /^[\w:/.%~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
