import { setTimeout } from "node:timers/promises";

/** Resolves once `condition` holds, which is looked at again and again; rejects when the signal fires. */
export async function until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
  while (!condition()) await setTimeout(1, undefined, { signal }); // a turn at once would take a core from whom it waits for
}
