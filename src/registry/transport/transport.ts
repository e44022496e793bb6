import type { Socket } from "node:net";
import type { Dispatcher } from "undici";
import { throwIfAborted } from "../../async/abort.ts";
import { ErrCanceled, ErrInvalidArgument } from "../../errors/classes.ts";
import { redactUrl } from "../../errors/redact-url.ts";
import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { BODY_IDLE_TIMEOUT_MS, type ConnectionOptions, createAgent } from "./create-agent.ts";
import { Exchange } from "./exchange.ts";

/** What undici's types know of the bodies that it takes; async iterables are missing there. */
type UndiciBody = NonNullable<Dispatcher.DispatchOptions["body"]> | null;

/** The lowest `Send`, with the connections behind it. */
export interface Transport {
  /** Sends a request as it is, once: no redirect, no credentials, no second attempt. */
  readonly send: Send;
  /** Closes all connections at once; what is under way fails with `ErrCanceled`, and so does every later request. */
  close(): Promise<void>;
}

/**
 * HTTP/1.1 over pooled connections, one pool per origin and TLS options. HTTP/2 is off: with a connection per download
 * bulk data moves faster. How many requests run at once is up to the callers. The caller closes the transport.
 */
export function createTransport(options: ConnectionOptions = {}): Transport {
  const closing = new AbortController();
  const agents = new Map<string, Dispatcher>();
  const sockets = new Set<Socket>();

  function agentFor(tls: TlsOptions | undefined): Dispatcher {
    const key = JSON.stringify([tls?.skipVerify === true, tls?.ca, tls?.cert, tls?.key]);
    const agent = agents.get(key) ?? createAgent(tls, { ...options, sockets, signal: closing.signal });
    agents.set(key, agent);
    return agent;
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    throwIfAborted(closing.signal);
    throwIfAborted(request.signal);
    const { origin, path } = splitUrl(request.url);
    const { bodyIdleTimeoutMs = BODY_IDLE_TIMEOUT_MS } = options;
    const exchange = new Exchange(request, { origin, bodyIdleTimeoutMs });
    const { method, headers = {}, answerTimeoutMs: headersTimeout } = request;
    agentFor(request.tls).dispatch(
      {
        origin,
        path,
        method,
        headers: { ...headers },
        body: exchange.body as UndiciBody,
        reset: false, // otherwise undici closes the connection after HEAD, for servers that send a body with it
        ...(headersTimeout !== undefined && { headersTimeout }),
      },
      exchange,
    );
    return exchange.response;
  }

  async function close(): Promise<void> {
    const reason = new ErrCanceled("transport closed");
    const destroyed = Array.from(agents.values(), (agent) => agent.destroy(reason));
    closing.abort(reason);
    for (const socket of sockets) socket.destroy(reason); // those that are still connecting, too
    await Promise.all(destroyed);
  }

  return { send, close };
}

function splitUrl(text: string): { origin: string; path: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new ErrInvalidArgument(`send request: got ${redactUrl(text)}, wanted an http or https URL`);
  }
  return { origin: url.origin, path: url.pathname + url.search };
}
