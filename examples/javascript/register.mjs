#!/usr/bin/env node
// Register a carrier once, however bad the line is (Node 18 or newer, nothing to install).
//
// Every attempt carries the same Idempotency-Key, so the registry carries out the first that reaches it and answers the
// others with the same carrier. An answer that got lost, and one that says that the outcome is unknown, are therefore no
// different from one that says "later": send it again.

import {randomUUID} from "node:crypto";
import {setTimeout as sleep} from "node:timers/promises";
import {parseArgs} from "node:util";

const USAGE = `usage: register.mjs --name NAME --email EMAIL [--url URL] [--key KEY] [--patience SECONDS]

--key names the attempt; best one that you keep with your own row. An API key is taken from CARRIERS_API_KEY.
Exit codes: 0 registered, 1 refused, 2 wrong usage, 75 given up for now.`;

const LATER = new Set([429, 502, 503, 504]);

async function attempt(url, body, key) {
  const headers = {"Content-Type": "application/json", "Idempotency-Key": key};
  if (process.env.CARRIERS_API_KEY) headers.Authorization = `Bearer ${process.env.CARRIERS_API_KEY}`;
  const signal = AbortSignal.timeout(40_000);
  const answer = await fetch(`${url}/register-carrier`, {method: "POST", headers, body: JSON.stringify(body), signal});
  return {status: answer.status, after: Number(answer.headers.get("Retry-After")) || 0, text: await answer.text()};
}

async function register(url, body, key, patience) {
  const until = Date.now() + 1000 * patience;
  for (let pause = 0.5; ; pause = Math.min(2 * pause, 30)) {
    const answer = await attempt(url, body, key).catch((error) => ({status: 503, after: 0, text: `${error.cause ?? error}`}));
    if (answer.status === 201) return JSON.parse(answer.text).data.carrier_id;
    if (!LATER.has(answer.status)) return end(1, `${answer.status}: ${answer.text}`);
    const wait = Math.max(answer.after, pause * (0.5 + Math.random() / 2));
    if (Date.now() + 1000 * wait > until) {
      return end(75, `given up for now (${answer.text.trim()}): run it again with --key ${key}, which does it once`);
    }
    console.error(`${answer.text.trim()}: again in ${wait.toFixed(1)} s`);
    await sleep(1000 * wait);
  }
}

function end(code, message) {
  console.error(message);
  process.exit(code);
}

function commandLine() {
  const text = {type: "string"};
  try {
    return parseArgs({options: {url: text, name: text, email: text, key: text, patience: text, help: {type: "boolean"}}}).values;
  } catch (error) {
    return end(2, `${error.message}\n${USAGE}`);
  }
}

const {url = "http://127.0.0.1:8000", name, email, key = randomUUID(), patience = "60", help} = commandLine();
if (help) {
  console.log(USAGE);
} else if (!name || !email) {
  end(2, USAGE);
} else {
  console.log(await register(url, {name, email}, key, Number(patience)));
}
