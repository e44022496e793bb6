import { readdir, readFile } from "node:fs/promises";
import type { Sample } from "../driver/figures.ts";
import { type Cost, cpuSecondsOf } from "./measure.ts";

/** What a client cost, with what the daemons of this name used meanwhile. Their memory is not known. */
export async function withDaemon(name: string, use: () => Promise<Cost>): Promise<Sample> {
  const pids = await pidsOf(name);
  const used = (): number => pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
  const before = used();
  const { wallSeconds, cpuSeconds } = await use();
  return { wallSeconds, cpuSeconds: cpuSeconds + used() - before };
}

async function pidsOf(name: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")));
  return pids.filter((_, at) => names[at]?.trim() === name);
}
