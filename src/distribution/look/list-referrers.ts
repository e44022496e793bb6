import type { Descriptor } from "../../oci/descriptor.ts";
import type { ReferrersOptions } from "../api/looking.ts";
import { startOperation, waiterOf } from "../api/operation.ts";
import type { WalkEngine } from "../endpoints/endpoint-walk.ts";
import { parsePullReference } from "../pull/pull-reference.ts";
import { pullStatus } from "../pull/pull-status.ts";
import { inDockersWords } from "../pull/translate-pull-error.ts";
import { registryWalk } from "./registry-walk.ts";
import { resolveAt } from "./resolve.ts";

/** See `Distribution.referrers`. */
export async function listReferrers(
  engine: WalkEngine,
  text: string,
  options: ReferrersOptions,
): Promise<readonly Descriptor[]> {
  const reference = parsePullReference(text, {});
  const operation = startOperation(options);
  const walk = await registryWalk(engine, reference, options, operation);
  const ask = { signal: operation.signal, waiter: waiterOf(operation, pullStatus.idOf(reference)) };
  const digest =
    reference.digest ??
    (await walk.run(reference, (remote) => resolveAt(remote, reference, ask), "resolve")).value.digest;
  const { artifactType } = options;
  const list = walk.run(
    reference,
    (remote) => inDockersWords(reference, () => remote.referrers(digest, { artifactType, ...ask })),
    "referrers",
  );
  return (await list).value;
}
