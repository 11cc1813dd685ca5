// Sends a request and shows what comes back, as text.

import {resolved} from "./contract.js";
import {code, element, fill, sample} from "./markup.js";

const LONGEST = 100_000; // characters of a body that are shown

// Tells `say` how it goes, in sentences, and puts headers and body into `place`.
export async function send(request, {operation, scope, place, say, signal}) {
  place.replaceChildren();
  let asked;
  try {
    asked = new Request(request.address, settings(request, signal));
  } catch (error) {
    say(`This cannot be sent. ${error.message}`);
    return;
  }
  say("Sent. Waiting for the answer …");
  const began = performance.now();
  try {
    const answer = await fetch(asked);
    const status = `${answer.status} ${answer.statusText}`.trim();
    const time = `${Math.round(performance.now() - began)} ms`;
    say(`${status}, after ${time}. The body is being read …`);
    const body = sample("", "Body of the answer");
    place.append(headersOf(answer, operation), body);
    const text = await read(answer, (part) => fill(body, part));
    if (text) fill(body, indented(text));
    else body.remove();
    say([`${status}, after ${time}.`, messageOf(text), hint(answer.status, scope), rest(text)].filter(Boolean).join(" "));
  } catch (error) {
    say(signal.aborted ? "Stopped." : unanswered(request, error));
  }
}

function unanswered({method}, {message}) {
  return `No whole answer came: ${message}.${method === "GET" ? "" : " Whether it was done is not known."}`;
}

// As the lines for a shell and for Python: without cookies, and past what the browser keeps.
function settings({method, headers, key, text}, signal) {
  const authorization = key ? {Authorization: `Bearer ${key}`} : {};
  return {
    method, headers: {...authorization, ...headers}, body: text || undefined, signal,
    cache: "no-store", credentials: "omit",
  };
}

async function read(answer, show) {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (reader && text.length < LONGEST) {
    const {done, value} = await reader.read();
    if (done) return text;
    text = (text + value).slice(0, LONGEST);
    show(text);
  }
  await reader?.cancel();
  return text;
}

// Those that the description of the operation speaks of.
function headersOf(answer, operation) {
  const described = resolved(operation.responses[answer.status] ?? operation.responses.default).headers ?? {};
  const names = ["Content-Type", ...Object.keys(described)].filter((name) => answer.headers.has(name));
  return element("dl", {class: "fields"}, names.map((name) =>
    element("div", {}, element("dt", {}, code(name)), element("dd", {}, element("code", {}, answer.headers.get(name))))));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const TOKENS = /"(?:[^"\\]|\\.)*"|\[\s*\]|\{\s*\}|[[\]{}:,]|[^\s[\]{}:,"]+/g;

// Token by token: as values, numbers beyond 2^53 would be rounded.
function indented(text) {
  if (parsed(text) === undefined) return text;
  let depth = 0;
  const line = (by) => `\n${"  ".repeat(depth += by)}`;
  return text.match(TOKENS).map((token) => {
    if (token === "{" || token === "[") return token + line(1);
    if (token === "}" || token === "]") return line(-1) + token;
    if (token === ",") return token + line(0);
    if (token === ":") return ": ";
    return token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token.replace(/\s/g, "");
  }).join("");
}

function messageOf(text) {
  const message = parsed(text)?.error?.message;
  return message ? `${String(message).replace(/\.$/, "")}.` : "";
}

function hint(status, scope) {
  return [401, 403].includes(status) && scope ? `Put an API key with the scope ${scope} into the field above.` : "";
}

function rest(text) {
  if (!text) return "It has no body.";
  return text.length < LONGEST ? "" : `Only the first ${LONGEST.toLocaleString("en")} characters are shown.`;
}
