import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createSecureContext, type TLSSocket } from "node:tls";
import { type KeyAndCertificate, selfSigned } from "../../../src/testing.ts";

/** Every registry that there is behind the proxy, and what nobody has. */
export interface RecordingProxy extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** Vouches for every host but those named `untrusted.*`. */
  readonly authority: string;
  /**
   * What was asked since the last time, each once in a row: URL, headers named `x-*`, the user, and `cert` for a client
   * certificate. Pings are left out.
   */
  taken(): readonly string[];
}

/** How the registries behind the proxy answer. */
export interface RecordingProxyOptions {
  /** The names that the authority vouches for. */
  readonly hosts: readonly string[];
  /** Whether a request without a user is asked for one. */
  readonly challenges?: boolean;
}

/**
 * Starts a proxy that plays every registry by itself, over TLS too, has no image in any of them and notes what it is asked.
 * The clients must not have another way to the network.
 */
export async function startRecordingProxy({
  hosts,
  challenges = false,
}: RecordingProxyOptions): Promise<RecordingProxy> {
  const known = selfSigned(hosts);
  const stranger = selfSigned(hosts);
  const requests: string[] = [];
  const sockets = new Set<Socket>();

  function answer(request: IncomingMessage, response: ServerResponse, url: URL): void {
    if (challenges && request.headers.authorization === undefined) {
      response.setHeader("www-authenticate", 'Basic realm="all"');
      send(response, 401, "UNAUTHORIZED");
    } else if (url.pathname === "/v2/") {
      response.end("{}");
    } else {
      requests.push(describe(request, url));
      send(response, 404, "MANIFEST_UNKNOWN");
    }
  }

  const secure = createSecureServer(
    {
      ...known,
      requestCert: true,
      rejectUnauthorized: false,
      SNICallback: (name, callback) =>
        callback(null, contextOf(name.startsWith("untrusted.") ? stranger : known)),
    },
    (request, response) =>
      answer(request, response, new URL(`https://${request.headers.host}${request.url}`)),
  );
  secure.on("tlsClientError", () => {}); // who does not trust us goes away
  const proxy = createServer((request, response) => answer(request, response, new URL(request.url ?? "")));
  proxy.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  proxy.on("connect", (_request: IncomingMessage, socket: Socket) => {
    socket.on("error", () => {});
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    secure.emit("connection", socket);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    authority: known.cert,
    taken: () => requests.splice(0).filter((request, at, all) => request !== all[at - 1]),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}

function send(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message: code }] }));
}

function contextOf({ key, cert }: KeyAndCertificate) {
  return createSecureContext({ key, cert });
}

function describe({ headers, socket }: IncomingMessage, url: URL): string {
  const own = Object.entries(headers).filter(([name]) => /^x-(?!forwarded)/.test(name));
  const user = /^Basic (.*)$/.exec(headers.authorization ?? "")?.[1];
  const { getPeerCertificate } = socket as Partial<TLSSocket>;
  const hasCertificate = getPeerCertificate?.call(socket)?.raw !== undefined;
  return [
    url.href,
    ...own.map(([name, value]) => `${name}: ${String(value)}`),
    user !== undefined && `user=${Buffer.from(user, "base64").toString().split(":")[0]}`,
    hasCertificate && "cert",
  ]
    .filter(Boolean)
    .join(" ");
}
