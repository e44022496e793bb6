import { spawn } from "node:child_process";
import { once } from "node:events";

const CHILD = new URL("serve-child.ts", import.meta.url).pathname;

/** A content service that runs in a process of its own. */
export interface SpawnedService {
  /** Ends it and waits until it is gone; returns its exit status, `null` when a signal ended it. */
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<number | null>;
}

/** Starts a service on the store at `root` and waits until it listens. */
export async function spawnService(root: string, address: string): Promise<SpawnedService> {
  const child = spawn(process.execPath, ["--no-warnings", CHILD, root, address], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const ready = once(child.stdout, "data");
  await Promise.race([
    ready,
    exited.then(() => Promise.reject(new Error("the service ended before it was ready"))),
  ]);
  return {
    async kill(signal) {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}
