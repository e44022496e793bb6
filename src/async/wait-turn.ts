import { type AbortOptions, abortError } from "./abort.ts";

/** Waits at the end of `queue` until its entry is taken out and called; leaves it and rejects when the signal fires. */
export function waitTurn(queue: Array<() => void>, { signal }: AbortOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      signal?.removeEventListener("abort", leave);
      resolve();
    };
    const leave = (): void => {
      queue.splice(queue.indexOf(turn), 1);
      if (signal) reject(abortError(signal));
    };
    queue.push(turn);
    signal?.addEventListener("abort", leave, { once: true });
  });
}
