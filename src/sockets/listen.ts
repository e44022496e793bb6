import type { Server } from "node:net";
import { ErrAlreadyExists, ErrUnavailable } from "../errors/classes.ts";
import { type Address, formatAddress, parseAddress } from "./address.ts";
import { listenUnix, type UnixSocketOptions, type Unlink } from "./unix-socket.ts";

/** How a service listens. */
export interface ListenOptions extends UnixSocketOptions {
  /** What it is called in the log: `content service`. */
  readonly service: string;
  /** Told at level warn what a person should know. */
  readonly logger?: { warn(fields: object, message: string): void } | undefined;
}

/** Where a service listens. */
export interface Listening {
  /** The address in full, with the port that it got. */
  readonly address: string;
  /** Takes a socket away again; call it when the server takes no more connections. */
  readonly unlink: Unlink;
}

/**
 * Listens at `unix:///PATH` or `tcp://HOST:PORT`, where port 0 takes a free one; of TCP the logger is warned, because whoever
 * reaches it may use it. The caller closes the server. Throws `ErrInvalidArgument` for an address that is none,
 * `ErrAlreadyExists` for one that is taken, `ErrUnavailable`, or the classes of `diskError`.
 */
export async function listen(
  server: Server,
  text: string,
  { service, mode, logger }: ListenOptions,
): Promise<Listening> {
  const address = parseAddress(text);
  if (address.kind === "unix") {
    return { address: formatAddress(address), unlink: await listenUnix(server, address.path, { mode }) };
  }
  const bound = formatAddress({ ...address, port: await listenTcp(server, address) });
  logger?.warn({ address: bound }, `${service} on TCP: whoever reaches it may use it`);
  return { address: bound, unlink: async () => {} };
}

function listenTcp(server: Server, address: Address & { kind: "tcp" }): Promise<number> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      const ErrorClass = cause.code === "EADDRINUSE" ? ErrAlreadyExists : ErrUnavailable;
      reject(new ErrorClass(`listen on ${formatAddress(address)}: ${cause.message}`, { cause }));
    };
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      const bound = server.address();
      resolve(typeof bound === "object" && bound ? bound.port : port);
    });
  });
}
