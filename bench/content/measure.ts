import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** How long something took and what it cost, in seconds. */
export interface Cost {
  readonly wall: number;
  /** Of the service. */
  readonly serverCpu: number;
  /** Of who called it: this process, and children of it that have ended. */
  readonly clientCpu: number;
}

/** Units of the times in `/proc/PID/stat`, per second. */
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** What `use` costs, with the CPU time of the process `serverPid` beside the caller's own. */
export async function measure(serverPid: number, use: () => Promise<void>): Promise<Cost> {
  const [server, client, start] = [ownTicks(serverPid), familyTicks(), performance.now()];
  await use();
  return {
    wall: (performance.now() - start) / 1_000,
    serverCpu: (ownTicks(serverPid) - server) / TICKS_PER_SECOND,
    clientCpu: (familyTicks() - client) / TICKS_PER_SECOND,
  };
}

/** The median of each figure on its own. */
export function median(costs: readonly Cost[]): Cost {
  return {
    wall: middle(costs.map(({ wall }) => wall)),
    serverCpu: middle(costs.map(({ serverCpu }) => serverCpu)),
    clientCpu: middle(costs.map(({ clientCpu }) => clientCpu)),
  };
}

function middle(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN;
}

function ownTicks(pid: number): number {
  const [user = 0, system = 0] = cpuTicks(pid);
  return user + system;
}

function familyTicks(): number {
  return cpuTicks(process.pid).reduce((sum, ticks) => sum + ticks, 0);
}

/** User and system time of a process, then of its children that have ended (proc_pid_stat(5), fields 14 to 17). */
function cpuTicks(pid: number): readonly number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fieldsFromThird = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fieldsFromThird.slice(11, 15).map(Number);
}
