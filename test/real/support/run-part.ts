import { execFile } from "node:child_process";
import { join } from "node:path";
import { type PartName, partsFolder, requirePart } from "./parts.ts";

/** What a part printed. */
export interface PartOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** How a part is run. */
export interface RunOptions {
  readonly cwd?: string | undefined;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What the part reads from its standard input. */
  readonly input?: string | undefined;
  /** Kills the part. */
  readonly signal?: AbortSignal | undefined;
}

/** Most output that a part may print, in bytes. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a part to its end. Throws, with everything the part wrote to stderr in the message, when its exit status is not 0.
 * The part sees no configuration of the person who tests: its home does not exist.
 */
export function runPart(
  name: PartName,
  args: readonly string[],
  options: RunOptions = {},
): Promise<PartOutput> {
  const part = requirePart(name);
  const home = join(partsFolder(), "no-home");
  const env = {
    ...process.env,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    XDG_CONFIG_HOME: home,
    ...part.env,
    ...options.env,
  };
  return new Promise((resolve, reject) => {
    const child = execFile(
      part.path,
      args,
      { cwd: options.cwd, env, signal: options.signal, maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr });
        else
          reject(
            new Error(`Cannot run ${name} ${args.join(" ")}: ${stderr || error.message}`, { cause: error }),
          );
      },
    );
    child.stdin?.on("error", () => {}).end(options.input); // it may end without reading everything
  });
}
