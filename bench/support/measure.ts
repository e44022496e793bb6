import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";

/** What one run of a command cost. */
export interface Cost {
  readonly wallSeconds: number;
  /** User and system time of the command and all its children. */
  readonly cpuSeconds: number;
}

/** The shell waits for the command, and its `times` (POSIX) tells what the children used: a number that node does not give. */
const SCRIPT = '"$@" 3>&-; status=$?; times >&3; exit $status';

/** Jiffies per second in /proc: USER_HZ, which is 100 on every platform that node runs on. */
const TICKS_PER_SECOND = 100;

/** Runs a command to its end. Throws, with what it wrote to stderr, when its exit status is not 0. */
export async function measure(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Cost> {
  const start = performance.now();
  const child = spawn("sh", ["-c", SCRIPT, "sh", ...command], {
    env,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const [, , , times] = child.stdio;
  const [[status], said, used] = await Promise.all([
    once(child, "exit"),
    text(child.stderr as Readable),
    text(times as Readable),
  ]);
  const wallSeconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`Cannot run ${command.join(" ")}: got ${String(status)}: ${said}`);
  return { wallSeconds, cpuSeconds: childSeconds(used) };
}

/** What work in this process costs, with all its threads. */
export async function measureHere(work: () => Promise<unknown>): Promise<Cost> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wallSeconds: (performance.now() - start) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

/** User and system seconds that a process on this machine has used so far, without its children. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The fields are counted after the name, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = fields.slice(11, 13);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** The second line of `times`, such as `0m1.250s 0m0.380s`: the children. */
function childSeconds(times: string): number {
  const [, children = ""] = times.split("\n");
  return Array.from(children.matchAll(/(\d+)m([\d.]+)s/g), ([, minutes, seconds]) => {
    return Number(minutes) * 60 + Number(seconds);
  }).reduce((sum, seconds) => sum + seconds, 0);
}
