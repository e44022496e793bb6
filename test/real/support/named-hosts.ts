import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** Hosts with names of their own, which only this proxy knows: what is at a loopback address is spoken to otherwise. */
export interface NamedHosts extends AsyncDisposable {
  /** The environment in which clients find them. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a proxy for TLS which leads `https://<name>` to the `host:port` behind it, and knows no other host. */
export async function startNamedHosts(places: Readonly<Record<string, string>>): Promise<NamedHosts> {
  const sockets = new Set<Socket>();
  const proxy = createServer((_request, response) => response.writeHead(502).end());
  proxy.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  proxy.on("connect", ({ url = "" }: IncomingMessage, socket: Socket) => {
    socket.on("error", () => {});
    const place = places[url.replace(/:443$/, "")];
    if (place === undefined) {
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    const behind = connect(Number(new URL(`tcp://${place}`).port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(behind).pipe(socket);
    });
    behind.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => behind.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    env: { HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: "" },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
