/**
 * Pulls through a mirror in a process of its own: `mirrored-child.ts <root> <registry> <mirror> <reference>...`. Says
 * "ready", waits for a line, pulls all references at once, and says as JSON what came of it. What it says of the
 * mirror is by its port.
 */
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { findError } from "../../../src/errors.ts";
import { openDistribution } from "../../../src/index.ts";

/** What a process says when it has pulled. */
export interface MirroredOutcome {
  /** Connections that were begun to the mirror. */
  readonly connections: number;
  /** Origins of the endpoints that served, one for each reference; the error's message where none did. */
  readonly servedBy: readonly string[];
  /** Messages of why endpoints were passed over. */
  readonly passedOver: readonly string[];
}

const [, , root = "", registry = "", mirror = "", ...references] = process.argv;
const mirrorPort = Number(new URL(mirror).port);

let connections = 0;
subscribe("net.client.socket", (event) => {
  const { socket } = event as { readonly socket: Socket };
  socket.on("connectionAttempt", (_address: string, port: number) => {
    if (port === mirrorPort) connections++;
  });
});

await using distribution = await openDistribution({
  root,
  registry: { plainHttp: true, mirrors: { [registry]: [mirror] } },
  connection: { connectTimeoutMs: 2_000 },
});
const passedOver: string[] = [];
distribution.events.on("fallback", ({ error }) =>
  passedOver.push(findError(error)?.message ?? String(error)),
);
process.stdout.write("ready\n");
await once(process.stdin, "data");
const pulled = await Promise.allSettled(references.map((reference) => distribution.pull(reference)));
const servedBy = pulled.map((each) =>
  each.status === "fulfilled"
    ? each.value.endpoint
    : (findError(each.reason)?.message ?? String(each.reason)),
);
const outcome: MirroredOutcome = { connections, servedBy, passedOver };
process.stdout.write(`${JSON.stringify(outcome)}\n`);
process.stdin.destroy();
