/** Does what it is told with data roots, until it is killed. */
import { flushCompileCache } from "node:module";
import { findError } from "../../../../src/errors.ts";
import { type Distribution, openDistribution } from "../../../../src/index.ts";
import { keepWorking } from "./keep-working.ts";
import { unkept } from "./layers-of-root.ts";
import type { Report, Task } from "./operation.ts";
import { perform, type Unpacked } from "./perform.ts";

flushCompileCache(); // a process that is killed would leave nothing to the next ones

process.on("message", (task: Task) => {
  void run(task).then((strange) => report({ kind: "done", strange }));
});

function report(message: Report): void {
  process.send?.(message);
}

async function run(task: Task): Promise<readonly string[]> {
  const { root, layers, meanwhile } = task;
  const strange: string[] = [];
  try {
    await using distribution = await openDistribution({ root, layers, registry: { plainHttp: true } });
    await using _ = meanwhile === "pieces" ? await keepWorking(distribution) : undefined;
    const work = (): Promise<void> => runSteps(distribution, task, strange);
    await (meanwhile === "lease" ? distribution.withLease(work) : work());
  } catch (error) {
    strange.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return strange;
}

async function runSteps(distribution: Distribution, task: Task, strange: string[]): Promise<void> {
  const unpacked: Unpacked[] = [];
  for (const step of task.steps) {
    report({ kind: "step" });
    const outcomes = await Promise.allSettled(
      step.map((operation) => perform(distribution, task, operation)),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") unpacked.push(outcome.value);
      else if (!findError(outcome.reason)) strange.push(String(outcome.reason));
    }
  }
  if (task.meanwhile === "lease") strange.push(...unkept(task.root, unpacked));
}
