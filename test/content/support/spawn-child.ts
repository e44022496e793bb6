import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A child process that is doing a task of `child.ts`. */
export interface Child {
  /** Its next line on stdout; rejects when it ends without one. */
  line(): Promise<string>;
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
}

const CHILD = new URL("child.ts", import.meta.url).pathname;

/** Starts a child. `limitKib` bounds the size of the files it may write (ulimit -f, in KiB). */
export function spawnChild(args: readonly string[], { limitKib }: { limitKib?: number } = {}): Child {
  const command = [process.execPath, "--no-warnings", CHILD, ...args];
  const limited = ["bash", "-c", `ulimit -f ${limitKib ?? 0}; exec "$@"`, "bash", ...command];
  const [program = "", ...rest] = limitKib === undefined ? command : limited;
  const child: ChildProcess = spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const { stdout } = child;
  if (!stdout) throw new Error("child has no stdout");
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    async line() {
      const next = await lines.next();
      if (next.done) throw new Error("child ended without a word");
      return next.value;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
