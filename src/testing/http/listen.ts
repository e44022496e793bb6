import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TlsOptions } from "node:tls";

/** How a server listens. */
export interface ListenOptions {
  /**
   * Serve TLS with this key and certificate; `ca` and `requestCert` ask clients for theirs.
   * @defaultValue plain HTTP
   * @example tls: selfSigned()
   */
  readonly tls?: Pick<TlsOptions, "key" | "cert" | "ca" | "requestCert" | "rejectUnauthorized"> | undefined;
  /**
   * Address to listen on.
   * @defaultValue `127.0.0.1`
   * @avoid as an address that others reach: whoever does may use it
   * @example host: "localhost"
   */
  readonly host?: string | undefined;
  /**
   * Port to listen on; 0: any free one.
   * @unit port number
   * @defaultValue 0
   * @avoid as a number of your own in tests that run side by side
   * @example port: 0
   */
  readonly port?: number | undefined;
}

/** Starts a server. The caller closes it. */
export async function listen({ tls, host = "127.0.0.1", port = 0 }: ListenOptions): Promise<Server> {
  const server = tls ? createTlsServer(tls) : createServer();
  server.keepAliveTimeout = 0; // an idle connection is the client's to close, or tests would depend on time
  server.requestTimeout = 0;
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

/** Host and port, as in an image reference. */
export function hostOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

/** Stops listening; resolves once all connections are gone. */
export async function stop(server: Server): Promise<void> {
  const closed = server.listening ? once(server, "close") : undefined;
  server.close();
  await closed;
}
