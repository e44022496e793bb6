import { createServer as createHttp, type RequestListener, type Server } from "node:http";
import { createServer as createHttps, type ServerOptions } from "node:https";
import { type AddressInfo, createServer as createTcp, type Socket, type Server as TcpServer } from "node:net";

/** A server of one test; ends with it. */
export interface ScriptedServer extends AsyncDisposable {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Sockets that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections made so far. */
  connections(): number;
}

/** An HTTP server on 127.0.0.1 that answers with `listener`. */
export function httpServer(listener: RequestListener): Promise<ScriptedServer> {
  return listen(createHttp(listener), "http");
}

/** The same behind TLS. */
export function httpsServer(options: ServerOptions, listener: RequestListener): Promise<ScriptedServer> {
  return listen(createHttps(options, listener), "https");
}

/** A TCP server that hands its sockets to `onSocket`, for answers that no HTTP server would send. */
export function rawServer(onSocket: (socket: Socket) => void): Promise<ScriptedServer> {
  return listen(createTcp(onSocket), "http");
}

/** A raw server that sends `answer` once a request has come, then does what `after` says. */
export function answering(
  answer: string,
  after: (socket: Socket) => void = () => {},
): Promise<ScriptedServer> {
  return rawServer((socket) => {
    socket.on("error", () => {}); // the client may hang up first
    socket.once("data", () => socket.write(answer, () => after(socket)));
  });
}

async function listen(server: Server | TcpServer, scheme: string): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${scheme}://127.0.0.1:${port}`,
    sockets,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
