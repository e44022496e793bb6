import type { ServerResponse } from "node:http";
import { type Failure, failureOf } from "./failure.ts";

/** Sends one message; where the client is slow, gives a promise that resolves when it has taken what it was sent, or has left. */
export type Tell = (message: object) => void | Promise<void>;

/** How a stream of messages ends. */
export interface MessageStreamOptions {
  /** What the client is told of what `work` throws. Default: `failureOf`. */
  readonly explain?: ((error: unknown) => Failure) | undefined;
  /** How each message ends. Default: docker's `\r\n`. */
  readonly end?: string | undefined;
}

/**
 * Answers with the JSON messages that `work` tells, each in a chunk of its own. A failure before the first one is thrown, so that
 * it gets a status; one after it is the last message, which docker's clients look for.
 */
export async function streamMessages(
  response: ServerResponse,
  work: (tell: Tell) => Promise<void>,
  { explain = failureOf, end = "\r\n" }: MessageStreamOptions = {},
): Promise<void> {
  let room: Promise<void> | undefined; // one for all that is told meanwhile
  const tell: Tell = (message) => {
    if (response.destroyed || response.writableEnded) return undefined;
    openStream(response);
    if (response.write(`${JSON.stringify(message)}${end}`)) return undefined;
    room ??= hasRoom(response).finally(() => {
      room = undefined;
    });
    return room;
  };
  try {
    await work(tell);
  } catch (error) {
    if (!response.headersSent) throw error;
    const { message } = explain(error);
    await tell({ errorDetail: { message }, error: message });
  }
  openStream(response);
  response.end();
}

/** Sends the head of a stream, before there is anything in it. */
export function openStream(response: ServerResponse): void {
  if (response.headersSent) return;
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
}

/** Resolves when a client has taken what it was sent, or has left. */
export async function hasRoom(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const ends = ["drain", "close", "error"];
  for (const end of ends) response.once(end, resolve);
  await promise;
  for (const end of ends) response.off(end, resolve);
}
