import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** A pull in a process of its own. */
export interface PullProcess extends AsyncDisposable {
  /** What it said when it ended: the digest of the image. */
  readonly said: Promise<string>;
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
}

const SCRIPT = new URL("pull-child.ts", import.meta.url).pathname;

/**
 * Starts a pull; with `--unpack` by an engine that unpacks. Disposing of it kills the process.
 */
export function spawnPull(root: string, reference: string, ...flags: readonly "--unpack"[]): PullProcess {
  const child = spawn(process.execPath, ["--no-warnings", SCRIPT, root, reference, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return { said: text(child.stdout), kill, [Symbol.asyncDispose]: kill };
}
