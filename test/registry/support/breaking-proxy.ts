import { connect, type Socket } from "node:net";
import { rawServer, type ScriptedServer } from "./raw-server.ts";

/** A TCP proxy that counts what the client sends and resets connections on the way. */
export interface BreakingProxy extends ScriptedServer {
  /** Bytes that came from the client so far, headers included, over all connections. */
  sentBytes(): number;
  /** How many resets are still to come. */
  breaksLeft(): number;
}

/**
 * Starts a proxy in front of `target`, an origin. Each time the bytes from the client pass the next one of `breaks`, both
 * sides of that connection are reset, once the target had what came before.
 */
export async function breakingProxy(target: string, breaks: readonly number[]): Promise<BreakingProxy> {
  const { hostname, port } = new URL(target);
  const left = [...breaks];
  let sentBytes = 0;

  const server = await rawServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) });
    const cut = (): void => {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    };
    for (const [socket, other] of [[client, upstream] as const, [upstream, client] as const]) {
      socket.on("error", () => other.destroy()); // the end of the one is the end of the other
      socket.on("close", () => other.destroy());
    }
    upstream.pipe(client);
    client.on("data", (chunk: Buffer) => {
      sentBytes += chunk.length;
      const [next] = left;
      if (next === undefined || sentBytes < next) return pass(chunk, client, upstream);
      left.shift();
      client.pause();
      upstream.write(chunk, cut);
    });
  });
  return { ...server, sentBytes: () => sentBytes, breaksLeft: () => left.length };
}

function pass(chunk: Buffer, from: Socket, to: Socket): void {
  if (to.write(chunk)) return;
  from.pause();
  to.once("drain", () => from.resume());
}
