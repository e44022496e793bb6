import { type AbortOptions, abortError, throwIfAborted } from "./abort.ts";
import { onAbort } from "./on-abort.ts";

/**
 * Waits at the end of `queue` until its entry is taken out and called; leaves it and rejects when the signal fires. With one that
 * has fired nobody gets into the queue.
 */
export async function waitTurn(queue: Array<() => void>, { signal }: AbortOptions): Promise<void> {
  throwIfAborted(signal);
  await new Promise<void>((resolve, reject) => {
    const turn = (): void => {
      ignore();
      resolve();
    };
    queue.push(turn);
    const ignore = onAbort(signal, () => {
      queue.splice(queue.indexOf(turn), 1);
      if (signal) reject(abortError(signal));
    });
  });
}
