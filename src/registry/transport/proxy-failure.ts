import type { ProxyServer } from "./proxy-route.ts";

/** A connection that a proxy did not make. The text is for a message: it holds no secret. */
export class ProxyFailure extends Error {
  /** Scheme, host and port of the proxy. */
  readonly proxy: string;
  /** What the proxy said instead of 200, if it answered; for the message. */
  readonly refusal: string | undefined;

  constructor(proxy: ProxyServer, cause: unknown, refusal?: string) {
    super(`proxy ${proxy.origin}: ${refusal ?? "no connection"}`, { cause });
    this.proxy = proxy.origin;
    this.refusal = refusal;
  }
}
