import type { Sample } from "../driver/figures.ts";

/** How long something is called in a round, in milliseconds, and how often between two looks at the clock. */
const [ROUND_MS, BATCH] = [150, 64];

/** Calls it over and over for a while: what each call takes. A promise is waited for. */
export async function measureEach(work: () => unknown): Promise<Sample> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  let calls = 0;
  let now = start;
  while (now - start < ROUND_MS) {
    for (let at = 0; at < BATCH; at++) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    calls += BATCH;
    now = performance.now();
  }
  const { user, system } = process.cpuUsage(cpu);
  return { secondsEach: (now - start) / 1_000 / calls, cpuSecondsEach: (user + system) / 1e6 / calls };
}
