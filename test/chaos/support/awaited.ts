import type { IncomingMessage } from "node:http";

/** Turns of the event loop in which the end of a connection is read that had come before its request was: it takes two. */
const TURNS = 4;

/**
 * Whether somebody waits for the answer to a request that was just read. A server accepts one connection in a turn of the event loop,
 * so in a crowd it reads what a client asked that has left since; that end comes right behind the request.
 */
export async function isAwaited({ socket }: Pick<IncomingMessage, "socket">): Promise<boolean> {
  for (let turn = 0; turn < TURNS; turn++) {
    if (socket.readableEnded || socket.destroyed) return false;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return !(socket.readableEnded || socket.destroyed);
}
