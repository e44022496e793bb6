/** Does what it is told with data roots, until it is killed. */
import { flushCompileCache } from "node:module";
import {
  namespacedStore,
  openNamespaceMetadata,
  parseDigest,
  readBlob,
  writeBlob,
} from "../../../../src/content.ts";
import { findError } from "../../../../src/errors.ts";
import { type Distribution, openDistribution } from "../../../../src/index.ts";
import { keepWorking } from "./keep-working.ts";
import type { Operation, Report, Task } from "./operation.ts";

flushCompileCache(); // a process that is killed would leave nothing to the next ones

const PLATFORM = { platform: "linux/amd64" };

process.on("message", (task: Task) => {
  void run(task).then((strange) => report({ kind: "done", strange }));
});

function report(message: Report): void {
  process.send?.(message);
}

async function run({ root, steps, overlaps }: Task): Promise<readonly string[]> {
  const strange: string[] = [];
  try {
    await using distribution = await openDistribution({ root, registry: { plainHttp: true } });
    await using _ = overlaps ? await keepWorking(distribution) : undefined;
    for (const step of steps) {
      report({ kind: "step" });
      const outcomes = await Promise.allSettled(
        step.map((operation) => perform(distribution, root, operation)),
      );
      for (const outcome of outcomes) {
        if (outcome.status === "rejected" && !findError(outcome.reason)) strange.push(String(outcome.reason));
      }
    }
  } catch (error) {
    strange.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return strange;
}

function perform(distribution: Distribution, root: string, operation: Operation): Promise<unknown> {
  if (operation.kind === "pull") return distribution.pull(operation.name, PLATFORM);
  if (operation.kind === "push")
    return distribution.push(operation.name, { target: pushTarget(operation.name) });
  if (operation.kind === "remove") return distribution.remove(operation.name);
  if (operation.kind === "tag") return distribution.tag(operation.name, operation.target);
  if (operation.kind === "import") return distribution.import(operation.archive);
  if (operation.kind === "prune") return distribution.prune({ minAgeMs: 0 });
  if (operation.kind === "delete") return distribution.content.delete(parseDigest(operation.digest));
  return changeNamespace(distribution, root, operation);
}

async function changeNamespace(
  { content }: Distribution,
  root: string,
  { kind, digest: text }: { readonly kind: string; readonly digest: string },
): Promise<void> {
  using metadata = openNamespaceMetadata({ root });
  const view = namespacedStore(content, metadata, { namespace: "chaos" });
  const digest = parseDigest(text);
  if (kind === "namespace delete") return await view.delete(digest);
  const { size } = await content.info(digest);
  const bytes = await readBlob(content, { digest, size });
  await writeBlob(view, `chaos-${digest}`, Buffer.from(bytes), { digest, size });
}

/** Where a name of a registry is pushed to: beside it. Names of no registry go nowhere. */
function pushTarget(name: string): string {
  return name.replace(/:[^:/]+$/, ":pushed");
}
