import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { partsFolder } from "./parts.ts";

/** How one run of the command line ended. */
export interface DrayageOutcome {
  /** `null` when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the command line that is under way. */
export interface RunningDrayage {
  readonly done: Promise<DrayageOutcome>;
  kill(signal: NodeJS.Signals): void;
}

/** What surrounds a run. */
export interface DrayageOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What it reads from its standard input; by default nothing. */
  readonly input?: string | undefined;
  /** Arguments for node itself. */
  readonly nodeArguments?: readonly string[] | undefined;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

/**
 * Starts the command line, from its sources, as a process of its own with two pipes for output. It sees no configuration of
 * the person who tests: its home does not exist.
 */
export function startDrayage(args: readonly string[], options: DrayageOptions = {}): RunningDrayage {
  const { DOCKER_CONFIG: _, DRAYAGE_ROOT: __, XDG_DATA_HOME: ___, ...inherited } = process.env;
  const child: Child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", ...(options.nodeArguments ?? []), MAIN, ...args],
    {
      env: { ...inherited, HOME: join(partsFolder(), "no-home"), ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  child.stdin.on("error", () => {}).end(options.input ?? ""); // it may end without reading
  const kill = (signal: NodeJS.Signals): void => void child.kill(signal);
  const killAtExit = (): void => kill("SIGKILL");
  process.once("exit", killAtExit);
  const done = outcomeOf(child).finally(() => process.off("exit", killAtExit));
  return { done, kill };
}

async function outcomeOf(child: Child): Promise<DrayageOutcome> {
  const [ended, stdout, stderr] = await Promise.all([
    once(child, "close"),
    text(child.stdout),
    text(child.stderr),
  ]);
  const [status, signal] = ended as [number | null, NodeJS.Signals | null];
  return { status, signal, stdout, stderr };
}

/** Runs the command line to its end, whatever that is. */
export function drayage(args: readonly string[], options?: DrayageOptions): Promise<DrayageOutcome> {
  return startDrayage(args, options).done;
}

/** Runs the command line and returns what it printed; throws when its exit status is not 0. */
export async function drayageOutput(args: readonly string[], options?: DrayageOptions): Promise<string> {
  const { status, signal, stdout, stderr } = await drayage(args, options);
  if (status === 0) return stdout;
  throw new Error(`Cannot run drayage ${args.join(" ")}: got ${status ?? signal}: ${stderr}`);
}

/** Whether a line says something else than that an answer is long in coming, as any may be where a machine is busy. */
export function isNoSlowAnswer(line: string): boolean {
  return !/: Waiting for [^ ]+:\d+$/.test(line);
}
