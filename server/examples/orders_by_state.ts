// How many orders of a shop are in which state, kept up to date from its events. Node 22.18 or later runs it as it is.
//
//     node orders_by_state.ts orders.json           follows the shop until Ctrl-C; a further start goes on
//     node orders_by_state.ts orders.json --once    ends when it has read everything
//
// The file has the result and its checkpoint: the position of the log up to which the result is true. Both are written in one
// rename, so a process that is killed at any moment reads some events again and misses none. To read an event again changes
// nothing here; what does more than replace a value, such as sending a mail, has to know the ids of the events that it has dealt
// with.
//
// STOREFRONT_SERVER is the shop, http://127.0.0.1:7070 by default. STOREFRONT_API_KEY is a key with the scope `events:read`,
// which a shop needs where people sign in.

import * as fs from "node:fs";

type Projection = { log: string | null; after: number; orders: Record<string, string> };
type Event = { position: number; stream: string; type: string };
type Page = { events: Event[]; next_after: number; head: number; log?: string; reset?: boolean };

const SHOP = process.env.STOREFRONT_SERVER ?? "http://127.0.0.1:7070";
const API_KEY = process.env.STOREFRONT_API_KEY;
const PAUSE_MS = 1000;

const STATE_AFTER: Record<string, string> = {
  "order.started": "in_progress",
  "order.checked_out": "checked_out",
  "order.reopened": "in_progress",
  "order.confirmed": "confirmed",
  "order.shipped": "shipped",
  "order.delivered": "delivered",
  "order.cancelled": "cancelled",
  "order.expired": "expired",
};

/** The projection of the file; an empty one where there is no file. */
function load(path: string): Projection {
  if (!fs.existsSync(path)) return { log: null, after: 0, orders: {} };
  return JSON.parse(fs.readFileSync(path, "utf8"));
}

/** Replaces the file: whoever reads it finds the one or the other, whole. */
function save(path: string, projection: Projection): void {
  fs.writeFileSync(`${path}.new`, JSON.stringify(projection), { flush: true });
  fs.renameSync(`${path}.new`, path);
}

/** The projection after a page of events. */
function project(projection: Projection, page: Page): Projection {
  // The shop was started over, or its database went back in time: what was read before is no longer true.
  if (page.reset) return { log: page.log ?? null, after: 0, orders: {} };
  const orders = projection.orders;
  for (const event of page.events) orders[event.stream.replace(/^order-/, "")] = STATE_AFTER[event.type];
  return { log: page.log ?? null, after: page.next_after, orders };
}

/** The events after the checkpoint. Waits for them for a time; tries again while the shop is away. */
async function readPage(projection: Projection, waitS: number): Promise<Page> {
  const query = new URLSearchParams({
    after: String(projection.after),
    type: Object.keys(STATE_AFTER).join(","),
    limit: "1000",
    wait: String(waitS),
  });
  if (projection.log) query.set("log", projection.log);
  const headers: Record<string, string> = API_KEY ? { authorization: `Bearer ${API_KEY}` } : {};
  for (;;) {
    try {
      const signal = AbortSignal.timeout((waitS + 10) * 1000);
      const answer = await fetch(`${SHOP}/v1/events?${query}`, { headers, signal });
      if (answer.ok) return (await answer.json()) as Page;
      if (answer.status < 500 && answer.status !== 429) {
        console.error(`the shop refuses: ${answer.status} ${await answer.text()}`);
        process.exit(1);
      }
    } catch {
      // The shop is away, or its answer ended early.
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

const [path, ...options] = process.argv.slice(2);
if (path === undefined) {
  console.error("node orders_by_state.ts FILE [--once]");
  process.exit(2);
}
const once = options.includes("--once");
let projection = load(path);
for (;;) {
  const page = await readPage(projection, once ? 0 : 20);
  const moved = page.reset || page.next_after !== projection.after;
  projection = project(projection, page);
  if (moved) save(path, projection);
  if (page.events.length > 0 || once) {
    const counts: Record<string, number> = {};
    for (const state of Object.values(projection.orders).sort()) counts[state] = (counts[state] ?? 0) + 1;
    console.log(JSON.stringify(counts));
  }
  if (once && !page.reset && page.next_after === page.head) break;
}
