import type { Dispatcher } from "undici";
import type { ProxyServer } from "../http/proxy-server.ts";
import type { HttpRequest } from "../http/send.ts";
import type { Begun, Carrier, CarrierContext } from "./carrier.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionLimits } from "./connection-options.ts";
import { Exchange } from "./exchange.ts";

/** What undici's types know of the bodies that it takes; async iterables are missing there. */
type UndiciBody = NonNullable<Dispatcher.DispatchOptions["body"]> | null;

/** What a carrier is made of. */
export interface LocalCarrierParts {
  readonly connection: Connection;
  readonly limits: ConnectionLimits;
  /** The proxy that is sent requests with whole URLs, if that is so. */
  readonly httpProxy: ProxyServer | undefined;
}

/** A connection of this thread. */
export class LocalCarrier implements Carrier {
  readonly #parts: LocalCarrierParts;

  constructor(parts: LocalCarrierParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#parts.connection.isOpen;
  }

  prepare(): void {
    this.#parts.connection.prepare();
  }

  begin(request: HttpRequest, { url, ...context }: CarrierContext): Begun {
    const { connection, limits, httpProxy } = this.#parts;
    const begun = new Exchange(request, { ...context, origin: url.origin, connection, limits });
    const headers = { ...request.headers, ...(httpProxy && proxyHeaders(url, httpProxy.authorization)) };
    connection.client.dispatch(
      {
        path: httpProxy ? `${url.origin}${url.pathname}${url.search}` : url.pathname + url.search,
        method: request.method,
        headers,
        body: begun.body as UndiciBody,
        ...(request.brief && { blocking: false }), // what is behind it need not wait for its headers
        reset: false, // otherwise undici closes the connection after HEAD, for servers that send a body with it
      },
      begun,
    );
    return begun;
  }

  destroy(reason: Error): Promise<void> {
    return this.#parts.connection.destroy(reason);
  }
}

function proxyHeaders({ host }: URL, authorization: string | undefined): Record<string, string> {
  return authorization === undefined ? { host } : { host, "proxy-authorization": authorization };
}
