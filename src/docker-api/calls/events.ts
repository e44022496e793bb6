import { anySignal } from "../../async/abort.ts";
import { onAbort } from "../../async/on-abort.ts";
import { MAX_TIMER_MS } from "../../options/rules.ts";
import type { EngineEvent } from "../catalog/engine-events.ts";
import { Filters } from "../http/filters.ts";
import { openStream } from "../http/message-stream.ts";
import { Refusal } from "../http/refusal.ts";
import type { ApiCall } from "./api-call.ts";
import { readTime } from "./read-time.ts";

/** What dockerd filters events by; what is about containers and the like is true of no event here. */
const FILTERS = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
];

/** Filters that ask for events of other things than images. */
const OTHER_THINGS = FILTERS.filter((name) => !["event", "image", "label", "scope", "type"].includes(name));

/** Bytes that a client may leave unread before it is let go: events are not kept for one that sleeps. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const NS_PER_SECOND = 1_000_000_000;

/** `GET /events`: what has happened since `since`, then what happens, until `until` or until the client leaves. */
export async function streamEvents({ engine, query, response, signal, closing }: ApiCall): Promise<void> {
  const filters = Filters.of(query, FILTERS);
  const [since, until] = [timeIn(query, "since"), timeIn(query, "until")];
  const isWanted = (event: EngineEvent): boolean => isWithin(event, since, until) && keepsTo(filters, event);
  const send = (event: EngineEvent): void => {
    if (!isWanted(event) || response.destroyed) return;
    response.write(lineOf(event));
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
  };
  openStream(response);
  if (since !== undefined) await engine.events.settled();
  const heard = engine.events.listen(send);
  try {
    if (since !== undefined) for (const event of heard.past) send(event);
    await untilTime(until, anySignal(signal, closing));
  } finally {
    heard.stop();
  }
  response.end();
}

/** Seconds since 1970. */
function timeIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "" || text === "0") return undefined;
  const time = readTime(text);
  if (time === undefined) throw new Refusal(400, `invalid parameter "${name}": got no time`);
  return time;
}

function isWithin({ timeNs }: EngineEvent, since = 0, until = Number.POSITIVE_INFINITY): boolean {
  const seconds = Number(timeNs) / NS_PER_SECOND;
  return seconds >= since && seconds <= until;
}

function keepsTo(filters: Filters, { action, id, attributes }: EngineEvent): boolean {
  if (OTHER_THINGS.some((name) => filters.get(name).length > 0)) return false;
  const { name = "" } = attributes;
  const names = [id, name, name.replace(/:[^:/]+$/, ""), id.replace(/:[^:/]+$/, "")];
  return (
    filters.accepts("type", (type) => type === "image") &&
    filters.accepts("scope", (scope) => scope === "local") &&
    filters.accepts("event", (wanted) => wanted === action) &&
    filters.accepts("image", (wanted) => names.includes(wanted)) &&
    filters.get("label").every((label) => hasLabel(attributes, label))
  );
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [name = "", ...value] = wanted.split("=");
  if (!Object.hasOwn(labels, name)) return false;
  return value.length === 0 || labels[name] === value.join("=");
}

/** The line of an event. Its time in nanoseconds is more than a number of JavaScript holds, and is written as digits. */
function lineOf({ action, id, attributes, timeNs }: EngineEvent): string {
  const Actor = { ID: id, Attributes: attributes };
  const event = { status: action, id, Type: "image", Action: action, Actor, scope: "local" };
  const time = timeNs / BigInt(NS_PER_SECOND);
  return `${JSON.stringify(event).slice(0, -1)},"time":${time},"timeNano":${timeNs}}\n`;
}

async function untilTime(seconds: number | undefined, signal: AbortSignal): Promise<void> {
  const ms = seconds === undefined ? undefined : seconds * 1000 - Date.now();
  if (ms !== undefined && ms <= 0) return;
  await new Promise<void>((resolve) => {
    const timer = ms === undefined ? undefined : setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
    onAbort(signal, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
