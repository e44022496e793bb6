import type { Progress } from "../../progress/progress.ts";
import { WaitingProgress } from "../../progress/waiting-progress.ts";
import type { Tell } from "./message-stream.ts";

/**
 * Runs work that tells its progress, and tells a client of it as fast as the client takes it: while it takes nothing, messages wait, and
 * of the updates of each object the newest one, so that a client that does not read costs little memory. Resolves when all is
 * told; throws what the work throws, and then too all that it told before has been.
 */
export async function tellingProgress<T, P extends Progress>(
  tell: Tell,
  messageOf: (progress: P) => object | undefined,
  work: (onProgress: (progress: P) => void) => Promise<T>,
): Promise<T> {
  const waiting = new WaitingProgress<P>();
  let draining: Promise<void> | undefined;

  function send(progress: P): void | Promise<void> {
    const message = messageOf(progress);
    return message && tell(message);
  }

  async function drain(room: Promise<void>): Promise<void> {
    await room;
    for (let next = waiting.take(); next; next = waiting.take()) await send(next);
    draining = undefined;
  }

  try {
    return await work((progress) => {
      if (draining) {
        waiting.add(progress);
        return;
      }
      const room = send(progress);
      if (room) draining = drain(room);
    });
  } finally {
    await draining;
  }
}
