import { setTimeout } from "node:timers/promises";
import type { Exchange } from "../http/exchange.ts";
import type { Reply, ReplyBody } from "../http/reply.ts";
import { faultyBody, firstBytes, pacedChunks } from "./body-faults.ts";
import type { ActiveFault, FaultAction } from "./fault.ts";

/** How long a client has to read the bytes before a reset, in milliseconds: a reset drops what the kernel still holds. */
const RESET_DELAY_MS = 50;

/** Sends a reply, with what a fault does to it. Throws `ErrAborted` when the connection closes meanwhile. */
export async function sendReply(exchange: Exchange, reply: Reply, fault?: ActiveFault): Promise<void> {
  const action = fault?.action ?? {};
  const { response, record } = exchange;
  if (action.reset && action.afterBytes === undefined) {
    exchange.reset();
    return;
  }
  const body = reply.body && faultyBody(reply.body, action);
  record.status = reply.status;
  response.writeHead(reply.status, finalHeaders(reply, body, action));
  if (fault) response.flushHeaders(); // a stalled or cut body still has its headers
  if (!body || record.method === "HEAD") {
    response.end();
    return;
  }
  const chunks = fault ? pacedChunks(body.chunks(), fault, exchange.wait) : body.chunks();
  const end = cutAt(action);
  if (end >= body.size) {
    await writeAll(exchange, chunks);
    response.end();
    return;
  }
  await writeAll(exchange, firstBytes(chunks, end));
  if (!action.reset) {
    exchange.hangUp();
    return;
  }
  if (end > 0) await exchange.wait(setTimeout(RESET_DELAY_MS, undefined, { ref: false }));
  exchange.reset();
}

function cutAt({ reset = false, afterBytes = 0, truncate = Number.POSITIVE_INFINITY }: FaultAction): number {
  return reset ? afterBytes : truncate;
}

async function writeAll(exchange: Exchange, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (chunk.byteLength > 0) await exchange.write(chunk); // an empty chunk would end a chunked body
  }
}

function finalHeaders(
  reply: Reply,
  body: ReplyBody | undefined,
  action: FaultAction,
): Record<string, string | string[]> {
  const headers = new Map<string, string | string[]>([["docker-distribution-api-version", "registry/2.0"]]);
  for (const [name, value] of Object.entries(reply.headers)) {
    headers.set(name.toLowerCase(), typeof value === "string" ? value : [...value]);
  }
  if (body && !action.chunked && !reply.withoutLength) headers.set("content-length", String(body.size));
  for (const name of action.omitHeaders ?? []) headers.delete(name.toLowerCase());
  for (const [name, value] of Object.entries(action.setHeaders ?? {})) headers.set(name.toLowerCase(), value);
  return Object.fromEntries(headers);
}
