import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Stands between a client and a service on unix sockets, and cuts their connections. */
export class CuttingRelay implements AsyncDisposable {
  /** Where clients find it. */
  readonly address: string;
  /** Connections that were cut. */
  cuts = 0;
  /** Bytes that clients have sent. */
  sentBytes = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Bytes, of both directions together, until the next cut. */
  #bytesLeft = Number.POSITIVE_INFINITY;

  private constructor(path: string, target: string) {
    this.address = `unix://${path}`;
    this.#server = createServer((client) => this.#relay(client, connect(target)));
  }

  /** Listens at `path` and relays to the socket at `target`. */
  static async start(path: string, target: string): Promise<CuttingRelay> {
    const relay = new CuttingRelay(path, target);
    relay.#server.listen({ path });
    await once(relay.#server, "listening");
    return relay;
  }

  /** Cuts all connections when so many bytes more have gone through, the last of them not included. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  /** Cuts all connections. */
  cut(): void {
    this.#bytesLeft = Number.POSITIVE_INFINITY;
    this.cuts++;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
    await rm(this.address.slice("unix://".length), { force: true });
  }

  #relay(client: Socket, service: Socket): void {
    client.on("data", ({ byteLength }: Buffer) => {
      this.sentBytes += byteLength;
    });
    this.#pass(client, service);
    this.#pass(service, client);
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => {});
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on("data", (bytes: Buffer) => {
      const taken = bytes.subarray(0, this.#bytesLeft);
      this.#bytesLeft -= taken.byteLength;
      if (!to.write(taken)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      if (this.#bytesLeft === 0) this.cut();
    });
  }
}
