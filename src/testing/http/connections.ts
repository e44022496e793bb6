import type { Socket } from "node:net";

/** A TCP connection and its number, from 1. */
export interface Connection {
  readonly socket: Socket;
  readonly number: number;
}

/** The open TCP connections of a server. */
export class Connections {
  readonly #open = new Map<string, Connection>();
  #count = 0;
  #most = 0;

  /** Connections that are open now. */
  get size(): number {
    return this.#open.size;
  }

  /** The most connections that were open at the same time. */
  get most(): number {
    return this.#most;
  }

  /** Takes a new connection in, until it closes. */
  add(socket: Socket): void {
    const key = keyOf(socket);
    this.#count += 1;
    this.#open.set(key, { socket, number: this.#count });
    this.#most = Math.max(this.#most, this.#open.size);
    socket.once("close", () => this.#open.delete(key));
  }

  /** The TCP connection under a socket, which may be a TLS one. */
  under(socket: Socket): Connection {
    return this.#open.get(keyOf(socket)) ?? { socket, number: 0 };
  }

  /** Cuts every connection. */
  destroyAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }
}

/** Both ends of TLS over TCP report the same peer, which is how the one is found from the other. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ""} ${socket.remotePort ?? ""}`;
}
