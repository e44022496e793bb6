import type { Socket } from "node:net";
import { addressFamily } from "../http/address-family.ts";
import type { ProxyServer } from "../http/proxy-server.ts";
import { isRetryableStatus } from "../http/retryable-status.ts";
import { statusWords } from "../http/status-words.ts";
import { MAX_RESPONSE_HEADER_BYTES } from "./answer-start.ts";
import { ProxyFailure, type ProxyRefusal } from "./proxy-failure.ts";

const HEADERS_END = Buffer.from("\r\n\r\n");

/** Where a tunnel leads. */
interface TunnelEnd {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Asks a proxy, over a socket that stands, for a tunnel to `target` (CONNECT, RFC 9110 section 9.3.6). Afterwards the
 * socket carries the target's bytes and nothing else. Rejects with `ProxyFailure`; how long to wait is up to whoever
 * destroys the socket.
 */
export async function openTunnel(socket: Socket, target: TunnelEnd, proxy: ProxyServer): Promise<void> {
  const host = addressFamily(target.hostname) === 6 ? `[${target.hostname}]` : target.hostname;
  const authority = `${host}:${target.port}`;
  const authorization = proxy.authorization && `proxy-authorization: ${proxy.authorization}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${authorization ?? ""}\r\n`);
  const head = await readHead(socket, proxy);
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(head)?.[1] ?? 0);
  if (status >= 200 && status < 300) return;
  socket.destroy();
  throw new ProxyFailure(proxy, undefined, status === 0 ? NO_HTTP : refusalOf(status));
}

const NO_HTTP: ProxyRefusal = { words: "no HTTP answer to CONNECT", passing: false };
const TOO_LONG: ProxyRefusal = { words: "too long an answer to CONNECT", passing: false };
const CLOSED: ProxyRefusal = { words: "closed the connection instead of a tunnel", passing: true };

/** What a proxy's answer means that is no success: it may be overloaded, or not reach the target just now. */
export function refusalOf(status: number): ProxyRefusal {
  const hint = status === 407 ? ": user and password belong in the proxy's URL" : "";
  const passing = isRetryableStatus(status);
  return { words: `refused: ${statusWords(status)}${hint}`, passing };
}

/** The answer's header block, skipping informational ones. Bytes that follow it stay in the socket. */
async function readHead(socket: Socket, proxy: ProxyServer): Promise<string> {
  let received = Buffer.alloc(0);
  for (;;) {
    received = Buffer.concat([received, await nextBytes(socket, proxy)]);
    const end = received.indexOf(HEADERS_END);
    if (end >= 0) {
      const rest = received.subarray(end + HEADERS_END.length);
      const head = received.toString("latin1", 0, end + 2);
      if (!/^HTTP\/1\.[01] 1\d\d/.test(head)) {
        if (rest.length > 0) socket.unshift(rest);
        return head;
      }
      received = rest;
    }
    if (received.length > MAX_RESPONSE_HEADER_BYTES) {
      socket.destroy();
      throw new ProxyFailure(proxy, undefined, TOO_LONG);
    }
  }
}

function nextBytes(socket: Socket, proxy: ProxyServer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      done();
      resolve(chunk);
    };
    const fail = (cause?: unknown): void => {
      done();
      reject(new ProxyFailure(proxy, cause, cause ? undefined : CLOSED));
    };
    const ended = (): void => fail();
    const done = (): void => {
      socket.off("readable", look).off("error", fail).off("end", ended).off("close", ended);
    };
    socket.on("readable", look).on("error", fail).on("end", ended).on("close", ended);
  });
}
