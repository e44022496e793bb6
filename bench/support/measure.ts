import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { watchPeak } from "./watch-peak.ts";

/** What one run of something cost. */
export interface Cost {
  readonly wallSeconds: number;
  /** User and system time of it and all its children. */
  readonly cpuSeconds: number;
}

/** What one run of a command cost. */
export interface CommandCost extends Cost {
  /** Most memory that any one of its processes ever had. */
  readonly peakBytes: number;
}

/** bash tells the times of what it ran to the millisecond, without its own: numbers that node does not give. */
const SCRIPT = 'TIMEFORMAT="%3R %3U %3S"; exec 4>&2; { time "$@" 2>&4 3>&- 4>&-; } 2>&3';

/** Jiffies per second in /proc: USER_HZ, which is 100 on every platform that node runs on. */
const TICKS_PER_SECOND = 100;

/** Runs a command to its end. Throws, with what it wrote to stderr, when its exit status is not 0. */
export async function measure(command: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandCost> {
  return (await measureOutput(command, env)).cost;
}

/** As `measure`, and gives what the command wrote to stdout. */
export async function measureOutput(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly cost: CommandCost; readonly output: string }> {
  const child = spawn("bash", ["-c", SCRIPT, "bash", ...command], {
    env,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const peak = watchPeak(child.pid ?? 0);
  const [, , , times] = child.stdio;
  const [[status], output, said, used] = await Promise.all([
    once(child, "exit"),
    text(child.stdout as Readable),
    text(child.stderr as Readable),
    text(times as Readable),
  ]);
  const peakBytes = peak();
  if (status !== 0) throw new Error(`Cannot run ${command.join(" ")}: got ${String(status)}: ${said}`);
  const [wallSeconds = Number.NaN, user = Number.NaN, system = Number.NaN] = used
    .trim()
    .split(" ")
    .map(Number);
  return { cost: { wallSeconds, cpuSeconds: user + system, peakBytes }, output };
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
  return ticksOf(pid, [11, 13]) / TICKS_PER_SECOND;
}

/** User and system seconds of this process's children that have ended. */
export function endedChildrenSeconds(): number {
  return ticksOf(process.pid, [13, 15]) / TICKS_PER_SECOND;
}

/** The sum of some fields of `/proc/PID/stat`, counted after the name, which may hold anything. */
function ticksOf(pid: number, [first, end]: readonly [number, number]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(first, end).reduce((sum, ticks) => sum + Number(ticks), 0);
}
