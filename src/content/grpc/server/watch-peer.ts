import type { Http2Session } from "node:http2";

/** How the other end is asked for a sign of life, in milliseconds. */
export interface PeerWatchOptions {
  /** Time between two pings. */
  readonly intervalMs: number;
  /** How long the answer to one may take. */
  readonly answerMs: number;
}

/**
 * Drops a connection whose other end has vanished: a host that lost its power or network says no goodbye, and what its calls hold
 * would stay held. A connection that is gone needs no more watching, and none keeps the process alive by it.
 */
export function watchPeer(session: Http2Session, { intervalMs, answerMs }: PeerWatchOptions): void {
  let late: NodeJS.Timeout | undefined;
  const ping = (): void => {
    if (late || session.destroyed) return;
    late = setTimeout(() => session.destroy(), answerMs).unref();
    session.ping(() => {
      clearTimeout(late);
      late = undefined;
    });
  };
  const pings = setInterval(ping, intervalMs).unref();
  session.once("close", () => {
    clearInterval(pings);
    clearTimeout(late);
  });
}
