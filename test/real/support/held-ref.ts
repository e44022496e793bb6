import { spawn } from "node:child_process";
import { once } from "node:events";
import { ctr } from "./containerd.ts";
import { requirePart } from "./parts.ts";

/** Opens a writer with `ctr content ingest` and keeps it open, its input unfinished, until disposed. */
export async function holdRef(socket: string, ref: string): Promise<AsyncDisposable> {
  const part = requirePart("ctr");
  const child = spawn(part.path, ["--address", socket, "content", "ingest", ref], {
    env: { ...process.env, ...part.env },
    stdio: ["pipe", "ignore", "inherit"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit");
  while (!(await ctr(socket, ["content", "active"])).includes(ref)) {
    if (child.exitCode !== null) throw new Error(`Cannot hold ${ref}: ctr ended with ${child.exitCode}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      process.off("exit", kill);
      kill();
      await exited;
    },
  };
}
