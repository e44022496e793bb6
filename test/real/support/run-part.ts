import { type ExecFileException, execFile } from "node:child_process";
import { join } from "node:path";
import { type PartName, partsFolder, requirePart } from "./parts.ts";

/** What a part printed. */
export interface PartOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** How a part ended. */
export interface PartOutcome extends PartOutput {
  /** Exit status; `null` when a signal ended it. */
  readonly status: number | null;
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
export async function runPart(
  name: PartName,
  args: readonly string[],
  options: RunOptions = {},
): Promise<PartOutput> {
  const { error, stdout, stderr } = await execute(name, args, options);
  if (error === null) return { stdout, stderr };
  throw new Error(`Cannot run ${name} ${args.join(" ")}: ${stderr || error.message}`, { cause: error });
}

/** Runs a part to its end, whatever that is, as `runPart` does. */
export async function partOutcome(
  name: PartName,
  args: readonly string[],
  options: RunOptions = {},
): Promise<PartOutcome> {
  const { error, stdout, stderr } = await execute(name, args, options);
  if (error === null) return { status: 0, stdout, stderr };
  if (typeof error.code === "string") throw error; // it did not even start
  return { status: error.code ?? null, stdout, stderr };
}

function execute(
  name: PartName,
  args: readonly string[],
  { cwd, signal, env: more, input }: RunOptions,
): Promise<PartOutput & { readonly error: ExecFileException | null }> {
  const part = requirePart(name);
  const home = join(partsFolder(), "no-home");
  const env = {
    ...process.env,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    XDG_CONFIG_HOME: home,
    ...part.env,
    ...more,
  };
  return new Promise((resolve) => {
    const options = { cwd, env, signal, maxBuffer: MAX_OUTPUT_BYTES };
    const child = execFile(part.path, args, options, (error, stdout, stderr) =>
      resolve({ error, stdout, stderr }),
    );
    child.stdin?.on("error", () => {}).end(input); // it may end without reading everything
  });
}
