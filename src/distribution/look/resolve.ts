import { algorithmOf, digestOf } from "../../digest/digest.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { ResolveOptions } from "../../remotes/remote.ts";
import type { AskingOptions, ResolvedReference } from "../api/looking.ts";
import { startOperation, waiterOf } from "../api/operation.ts";
import type { WalkEngine } from "../endpoints/endpoint-walk.ts";
import { parsePullReference } from "../pull/pull-reference.ts";
import { pullStatus } from "../pull/pull-status.ts";
import { inDockersWords } from "../pull/translate-pull-error.ts";
import { registryWalk } from "./registry-walk.ts";

/** See `Distribution.resolve`. */
export async function resolve(
  engine: WalkEngine,
  text: string,
  options: AskingOptions,
): Promise<ResolvedReference> {
  const reference = parsePullReference(text, {});
  const operation = startOperation(options);
  const walk = await registryWalk(engine, reference, options, operation);
  const ask = { signal: operation.signal, waiter: waiterOf(operation, pullStatus.idOf(reference)) };
  const use = reference.digest === undefined ? "resolve" : "pull"; // a digest is not a matter of trust
  const { value, endpoint } = await walk.run(reference, (remote) => resolveAt(remote, reference, ask), use);
  const { mediaType, digest, size } = value;
  return { reference: reference.toString(), mediaType, digest, size, endpoint, passedOver: walk.passedOver };
}

/** What a reference means at an endpoint. Bytes that came with the answer have its digest. */
export async function resolveAt(
  remote: Pick<RegistryRemote, "resolve" | "endpoint">,
  reference: NormalizedReference,
  options: ResolveOptions,
): Promise<Descriptor> {
  const target = await inDockersWords(reference, () => remote.resolve(reference, options));
  const { digest, data } = target;
  const actual = data === undefined ? digest : digestOf(Buffer.from(data, "base64"), algorithmOf(digest));
  if (actual === digest) return target;
  throw new ErrDataLoss(`resolve ${reference.toString()}: got digest ${actual}, wanted ${digest}`, {
    digest,
    endpoint: remote.endpoint,
  });
}
