import { execFile } from "node:child_process";

/** How a program ended. */
export interface Outcome {
  /** Exit status; `undefined` when it had to be killed. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a program runs. */
export interface ProgramOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** How long it may take before it is killed, in milliseconds. */
  readonly limitMs: number;
}

/** Most output of one program that is kept, in bytes. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Runs a Node.js program to its end, or kills it at the limit. */
export function runNode(args: readonly string[], { cwd, env, limitMs }: ProgramOptions): Promise<Outcome> {
  const options = { cwd, env, timeout: limitMs, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, ["--no-warnings", ...args], options, (error, stdout, stderr) => {
      const status = error ? (typeof error.code === "number" ? error.code : undefined) : 0;
      resolve({ status, stdout, stderr });
    });
  });
}
