import type { ServerOptions } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/**
 * Streams that a client may reset, in all at once and per second. Go's client resets a `Read` as soon as it has the bytes
 * it asked for, mostly before the status arrives, and asks for 32 KiB at a time: these are several GiB per second. Node's
 * own limit of 1,000 and 33 per second, meant against floods, would end the connection in the middle of a layer.
 */
const RESETS = { streamResetBurst: 100_000, streamResetRate: 100_000 } satisfies ServerOptions;

/**
 * Lets clients reset as many streams as they must. grpc-js has no option for it, so this reaches for the options that it
 * makes HTTP/2 servers with; to be called before it makes one. Returns whether they were found.
 */
export function liftResetLimit(server: Server): boolean {
  const options: unknown = Reflect.get(server, "commonServerOptions");
  if (typeof options !== "object" || options === null) return false;
  Object.assign(options, RESETS);
  return true;
}
