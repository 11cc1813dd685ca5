// A client of the types that openapi-typescript makes: sends one request of each kind to the service at the address that
// it is given, with the key that it is given, and prints what came back as JSON. Each `@ts-expect-error` is a mistake
// that the types have to catch.

import createClient from "openapi-fetch";
import type { paths } from "./carriers.js";

const [url, name, email, key] = process.argv.slice(2);
if (!url || !name || !email) throw new Error("program.js URL NAME EMAIL [KEY]");

const client = createClient<paths, "application/json">({
  baseUrl: url,
  headers: key ? { Authorization: `Bearer ${key}` } : {},
});

// @ts-expect-error - the e-mail address is missing
const incomplete: Parameters<typeof client.POST<"/register-carrier", { body: { name: string } }>>[1] = { body: { name } };
void incomplete;

const registered = await client.POST("/register-carrier", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { name, email, coverage: [{ service: "air", countries: "worldwide" }] },
});
if (!registered.data || !("carrier_id" in registered.data.data)) {
  throw new Error(registered.error?.error.message ?? "this was no dry run");
}
const carrier_id: string = registered.data.data.carrier_id;
const token = registered.response.headers.get("Consistency-Token") ?? "";
const version = registered.response.headers.get("ETag") ?? "";

const rename = (to: string, at: string, dry_run = false) =>
  client.POST("/carriers/{carrier_id}/rename", {
    params: { path: { carrier_id }, query: { dry_run }, header: { "If-Match": at } },
    body: { name: to },
  });

const renamed = await rename("FedEx Express", version);
const anyVersion = await rename("FedEx Ground", "*");
const stale = await rename("FedEx Freight", version);
const planned = await rename("FedEx Office", "*", true);
const shown = await client.GET("/carriers/{carrier_id}", { params: { path: { carrier_id } } });
const listed = await client.GET("/carriers", {
  params: { query: { limit: 100, sort: "name" }, header: { "Consistency-Token": token } },
});
// @ts-expect-error - there is no such order
void ((): Promise<unknown> => client.GET("/carriers", { params: { query: { sort: "height" } } }));
const history = await client.GET("/carriers/{carrier_id}/history", { params: { path: { carrier_id } } });
const events = await client.GET("/events", { params: { query: { limit: 1000 } } });
const refused = await client.GET("/carriers", { headers: { Authorization: "Bearer of.nothing" } });

// Narrowed by a member that one of them has alone.
const plan = planned.data?.data;
const countries = shown.data?.data.coverage[0]?.countries.join(",");

console.log(
  JSON.stringify({
    carrier_id,
    registered: registered.response.status,
    renamed: [renamed.response.status, renamed.data?.data.version],
    anyVersion: [anyVersion.response.status, anyVersion.data?.data.version],
    stale: [stale.response.status, stale.error && "since" in stale.error.error ? stale.error.error.current_version : null],
    planned: plan && "dry_run" in plan ? plan.changes.map((change) => change.to) : null,
    countries,
    listed: listed.data?.data.carriers.map((carrier) => carrier.carrier_id),
    history: history.data?.data.events.map((event) => event.type),
    events: events.data?.data.events.map((event) => event.subject),
    refused: [refused.response.status, refused.error?.error.code],
  }),
);
