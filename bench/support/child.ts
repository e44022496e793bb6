import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A program of ours in a process of its own, which speaks in lines. */
export interface Child extends AsyncDisposable {
  /** Its next line. Throws when it has ended. */
  line(): Promise<string>;
  /** Sends an empty line, and gives the answer. */
  ask(): Promise<string>;
}

/** Starts `bench/<path>` with these arguments. The caller disposes of it, which kills it. */
export function startChild(path: string, ...args: readonly string[]): Child {
  const program = join(import.meta.dirname, "..", path);
  const child = spawn(process.execPath, ["--no-warnings", program, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`Cannot go on: ${path} has ended`);
    return value;
  };
  return {
    line,
    async ask() {
      child.stdin.write("\n");
      return await line();
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
