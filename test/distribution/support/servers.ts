import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer, type Socket, type Server as TcpServer } from "node:net";
import { holdPort } from "../../support/hold-port.ts";

/** A server on 127.0.0.1 that is no registry. */
export interface Stranger extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  /** `METHOD path` of every request, where it understands any. */
  readonly seen: readonly string[];
}

/** The first byte of a TLS handshake record (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** A web server that knows nothing and says so in words. */
export async function webServer(): Promise<Stranger> {
  const seen: string[] = [];
  const server = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(404, { "content-type": "text/plain" }).end("no such page\n");
  });
  return await listen(server, seen);
}

/** A host that refuses connections. */
export async function closedPort(): Promise<Stranger> {
  const held = await holdPort();
  const host = `127.0.0.1:${held.port}`;
  return { host, url: `http://${host}`, seen: [], [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

/** Where the two protocols of one port lead; without a port the connection is closed, and `silence` leaves it as it is. */
export interface SplitTargets {
  readonly tls: string | undefined;
  readonly plain: string | undefined;
}

/** In place of a port: nobody says anything. */
export const SILENCE = "silence";

/** One port that speaks TLS and plain HTTP: connections go to either host by their first byte. */
export async function splitServer({ tls, plain }: SplitTargets): Promise<Stranger> {
  const seen: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {}); // a client may hang up as it likes
    socket.once("data", (first) => {
      const isTls = first[0] === TLS_HANDSHAKE;
      seen.push(isTls ? "tls" : "plain");
      const target = isTls ? tls : plain;
      if (target === undefined) socket.destroy();
      else if (target !== SILENCE) forward(socket, first, target);
    });
  });
  return await listen(server, seen);
}

function forward(socket: Socket, first: Buffer, target: string): void {
  socket.pause();
  const [host, port] = target.split(":");
  const behind = connect({ host, port: Number(port) }, () => {
    behind.write(first);
    socket.pipe(behind).pipe(socket);
  });
  behind.on("error", () => socket.destroy());
  behind.on("close", () => socket.destroy());
  socket.on("close", () => behind.destroy());
}

/** `server` on a free port. Closing it ends its connections as well. */
export async function listen(server: Server | TcpServer, seen: readonly string[]): Promise<Stranger> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A server whose every byte received is kept. */
export interface Tapped extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  /** All that clients have sent: request lines, headers, bodies. */
  readonly received: () => string;
}

/** What a server answers. */
export interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Passes connections on to `target`, a host that speaks plain HTTP. */
export async function tap(target: string): Promise<Tapped> {
  let received = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
    socket.once("data", (first) => forward(socket, first, target));
  });
  return { ...(await listen(server, [])), received: () => received };
}

/** A web server that answers every request by `answer`. */
export async function tappedServer(answer: (url: URL) => ScriptedAnswer): Promise<Tapped> {
  let received = "";
  const server = createHttpServer((request, response) => {
    const { status, body, headers } = answer(new URL(request.url ?? "/", "http://server"));
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  });
  server.on("connection", (socket: Socket) => {
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
  });
  return { ...(await listen(server, [])), received: () => received };
}
