import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

/** What one start took, in milliseconds. */
export interface Cost {
  readonly wall: number;
  /** Of the process, all cores together; in steps of a clock tick, so only its mean over many starts tells something. */
  readonly cpu: number;
}

/** Units of the times in `/proc/PID/stat`, in milliseconds. */
const TICK_MS = 1_000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Runs Node with these arguments to its end. Throws when it fails. */
export async function measureNode(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Cost> {
  const [cpu, start] = [endedChildrenMs(), performance.now()];
  await runNode(args, environment);
  return { wall: performance.now() - start, cpu: endedChildrenMs() - cpu };
}

/** How long `import` takes in a process that has started; the CPU time is that of the whole process. */
export async function measureImport(name: string, environment: NodeJS.ProcessEnv): Promise<Cost> {
  const program = `const start = performance.now(); await import("${name}"); console.log(performance.now() - start)`;
  const cpu = endedChildrenMs();
  const wall = Number(await runNode(["--input-type=module", "-e", program], environment));
  return { wall, cpu: endedChildrenMs() - cpu };
}

/** The median of the wall times and the mean of the CPU times. */
export function summary(costs: readonly Cost[]): Cost {
  const walls = costs.map(({ wall }) => wall).toSorted((a, b) => a - b);
  const cpu = costs.reduce((sum, cost) => sum + cost.cpu, 0) / costs.length;
  return { wall: walls[walls.length >> 1] ?? Number.NaN, cpu };
}

async function runNode(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (status !== 0) throw new Error(`node ${args.join(" ")}: got status ${String(status)}`);
  return output;
}

/** User and system time of the children that have ended (proc_pid_stat(5), fields 16 and 17). */
function endedChildrenMs(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fieldsFromThird = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user = 0, system = 0] = fieldsFromThird.slice(13, 15).map(Number);
  return (user + system) * TICK_MS;
}
