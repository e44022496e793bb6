import type { ProxyServer } from "../http/proxy-server.ts";

/** Why a proxy did not do what it was asked. */
export interface ProxyRefusal {
  /** What it said, for the message; holds no secret. */
  readonly words: string;
  /** Whether it may do it when it is asked again. */
  readonly passing: boolean;
}

/** A connection that a proxy did not make. The text is for a message: it holds no secret. */
export class ProxyFailure extends Error {
  /** Scheme, host and port of the proxy. */
  readonly proxy: string;
  /** What the proxy did instead, if the connection to it was not what failed. */
  readonly refusal: ProxyRefusal | undefined;

  constructor(proxy: ProxyServer, cause: unknown, refusal?: ProxyRefusal) {
    super(`proxy ${proxy.origin}: ${refusal?.words ?? "no connection"}`, { cause });
    this.proxy = proxy.origin;
    this.refusal = refusal;
  }
}
