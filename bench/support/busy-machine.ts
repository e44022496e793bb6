import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** Keeps all processors busy until it is disposed of: what is measured beside it gets half of them. */
export function keepBusy(): AsyncDisposable {
  const program = join(import.meta.dirname, "busy-child.ts");
  const children = Array.from({ length: availableParallelism() }, () => {
    const child = spawn(process.execPath, ["--no-warnings", program], { stdio: "ignore" });
    return { child, ended: once(child, "exit") };
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const { child } of children) child.kill("SIGKILL");
      await Promise.all(children.map(({ ended }) => ended));
    },
  };
}
