import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Report, Task } from "./operation.ts";

const SCRIPT = new URL("worker.ts", import.meta.url).pathname;

/** A process that works on data roots. */
export interface Worker {
  /** Begins a task. Resolves with what was strange, or `undefined` when the process was killed first. */
  run(task: Task, onStep: () => void): Promise<readonly string[] | undefined>;
  /** Ends the process with SIGKILL and resolves when it is gone. */
  kill(): Promise<void>;
  readonly isAlive: boolean;
}

/** Starts a process. */
export function startWorker(): Worker {
  const child: ChildProcess = fork(SCRIPT, {
    execArgv: ["--no-warnings"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  return {
    get isAlive() {
      return child.exitCode === null && child.signalCode === null;
    },
    run(task, onStep) {
      const { promise, resolve } = Promise.withResolvers<readonly string[] | undefined>();
      const hear = (report: Report): void => {
        if (report.kind === "step") {
          onStep();
          return;
        }
        child.off("message", hear);
        resolve(report.strange);
      };
      child.on("message", hear);
      void exited.then(() => resolve(undefined));
      child.send(task, () => {}); // one that is dead already says so by its exit
      return promise;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
