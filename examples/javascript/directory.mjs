#!/usr/bin/env node
// Page through the whole directory and print a line of JSON for each carrier (Node 18 or newer, nothing to install).
//
// A page names the cursor of the next; the last names none.

import {setTimeout as sleep} from "node:timers/promises";
import {parseArgs} from "node:util";

const USAGE = `usage: directory.mjs [--url URL] [--limit NUMBER] [--state active,suspended,retired]

An API key is taken from CARRIERS_API_KEY.`;

const LATER = new Set([429, 502, 503, 504]);
const TRIES = 10;

async function page(url, query) {
  const headers = process.env.CARRIERS_API_KEY ? {Authorization: `Bearer ${process.env.CARRIERS_API_KEY}`} : {};
  for (let tries = 0; tries < TRIES; tries += 1) {
    let pause = 1;
    try {
      const answer = await fetch(`${url}/carriers?${query}`, {headers, signal: AbortSignal.timeout(40_000)});
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text).data;
      if (!LATER.has(answer.status)) end(1, `${answer.status}: ${text}`);
      pause = Number(answer.headers.get("Retry-After")) || 1;
    } catch (error) {
      console.error(`${error.cause ?? error}: again in 1 s`);
    }
    await sleep(1000 * pause);
  }
  return end(1, `given up after ${TRIES} tries`);
}

async function* carriers(url, filter) {
  for (let cursor = null; ;) {
    // The filter goes along with every cursor: that is what the cursor was made for.
    const found = await page(url, new URLSearchParams({...filter, ...(cursor && {cursor})}));
    yield* found.carriers;
    cursor = found.next;
    if (cursor === null) return;
  }
}

function end(code, message) {
  console.error(message);
  process.exit(code);
}

function commandLine() {
  const text = {type: "string"};
  try {
    return parseArgs({options: {url: text, limit: text, state: text, help: {type: "boolean"}}}).values;
  } catch (error) {
    return end(2, `${error.message}\n${USAGE}`);
  }
}

const {url = "http://127.0.0.1:8000", limit = "100", state, help} = commandLine();
if (help) {
  console.log(USAGE);
} else {
  for await (const carrier of carriers(url, {limit, ...(state && {state})})) console.log(JSON.stringify(carrier));
}
