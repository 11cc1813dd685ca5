#!/usr/bin/env node
// Follow the feed into a folder of your own: every event exactly once, in order (Node 18 or newer, nothing to install).
//
// Each page becomes one file that is named after the position behind which it begins, and that says where the next one
// begins. It is written elsewhere, synced, and then linked to its name, which succeeds for one process and once only. So
// events and position come together, whenever this program is killed. With a database, put both into one transaction
// instead, as ../python/follow.py does.

import {randomUUID} from "node:crypto";
import {closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {setTimeout as sleep} from "node:timers/promises";
import {parseArgs} from "node:util";

const USAGE = `usage: follow.mjs [--url URL] [--into FOLDER] [--once]

--once ends when what there is has been taken. An API key is taken from CARRIERS_API_KEY.
Exit codes: 0 --once and caught up, 1 refused, 2 wrong usage, 3 the feed is another one than the folder was made from.`;

const LATER = new Set([429, 502, 503, 504]);
const LIMIT = 500;

// Which feed the folder was made from, and how far: its last page says it.
function standing(folder) {
  const names = readdirSync(folder);
  const last = names.filter((name) => /^\d{16}\.json$/.test(name)).sort().at(-1);
  return {
    feed: names.includes("feed") ? readFileSync(join(folder, "feed"), "utf8") : undefined,
    after: last ? JSON.parse(readFileSync(join(folder, last))).next : 0,
  };
}

// The text comes to its name whole, and once only.
function keep(folder, name, text) {
  const draft = join(folder, `.draft-${randomUUID()}`);
  const file = openSync(draft, "wx");
  writeFileSync(file, text);
  fsyncSync(file);
  closeSync(file);
  try {
    linkSync(draft, join(folder, name));
  } catch (error) {
    if (error.code !== "EEXIST") throw error; // else another process follows into the same folder and was quicker
  }
  rmSync(draft);
  const directory = openSync(folder, "r");
  fsyncSync(directory);
  closeSync(directory);
}

// A page; null if there is none just now.
async function ask(url, feed, after, wait) {
  const query = new URLSearchParams({after, limit: LIMIT, wait, ...(feed && {feed})});
  const headers = process.env.CARRIERS_API_KEY ? {Authorization: `Bearer ${process.env.CARRIERS_API_KEY}`} : {};
  let status = 503;
  let text = "";
  let pause = 1;
  try {
    const answer = await fetch(`${url}/events?${query}`, {headers, signal: AbortSignal.timeout(1000 * (wait + 40))});
    text = await answer.text();
    status = answer.status;
    pause = Number(answer.headers.get("Retry-After")) || 1;
  } catch {
    // No answer, or not all of it.
  }
  if (status === 200) return JSON.parse(text).data;
  if (!LATER.has(status)) end(status === 410 ? 3 : 1, `${status}: ${text}`);
  await sleep(1000 * pause);
  return null;
}

async function follow(url, folder, once) {
  for (;;) {
    const {feed, after} = standing(folder);
    const page = await ask(url, feed, after, once ? 0 : 20);
    if (!page) continue;
    if (feed && page.feed && page.feed !== feed) end(3, `the feed is ${page.feed} and this folder was made from ${feed}`);
    if (!feed && page.feed) {
      keep(folder, "feed", page.feed);
      continue; // and ask for that feed by its name
    }
    if (page.next > after) keep(folder, `${String(after).padStart(16, "0")}.json`, JSON.stringify(page));
    if (once && page.events.length < LIMIT) return;
  }
}

function end(code, message) {
  console.error(message);
  process.exit(code);
}

function commandLine() {
  const text = {type: "string"};
  const flag = {type: "boolean"};
  try {
    return parseArgs({options: {url: text, into: text, once: flag, help: flag}}).values;
  } catch (error) {
    return end(2, `${error.message}\n${USAGE}`);
  }
}

const {url = "http://127.0.0.1:8000", into = "carriers", once = false, help} = commandLine();
if (help) {
  console.log(USAGE);
} else {
  mkdirSync(into, {recursive: true});
  await follow(url, into, once);
}
