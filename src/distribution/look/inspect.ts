import { boundedReads } from "../../content/bounded-reads.ts";
import { readBlob } from "../../content/read-blob.ts";
import type { InfoProvider, Provider } from "../../content/store.ts";
import { unlessNotFound } from "../../content/unless-not-found.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { type ImageFinder, idMeant } from "../../images/image-finder.ts";
import type { PlatformChoice } from "../../images/image-graph.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import { parseAnyReference } from "../../reference/normalize.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { InspectedImage, InspectOptions } from "../api/looking.ts";
import { type Operation, startOperation, waiterOf } from "../api/operation.ts";
import type { WalkEngine } from "../endpoints/endpoint-walk.ts";
import { fetchDocument } from "../pull/fetch-document.ts";
import { isKnown, keepPromise, promiseFor } from "../pull/promised.ts";
import { choosePlatform, parsePullReference } from "../pull/pull-reference.ts";
import { pullStatus } from "../pull/pull-status.ts";
import type { PullShared } from "../pull/puller.ts";
import { ScratchContent } from "../pull/scratch-content.ts";
import { inDockersWords } from "../pull/translate-pull-error.ts";
import { describeImage, type ImageReading } from "./describe-image.ts";
import { registryWalk } from "./registry-walk.ts";
import { resolveAt } from "./resolve.ts";

/** What images are inspected with. */
export interface InspectEngine extends PullShared, WalkEngine {
  readonly finder: ImageFinder;
}

/** See `Distribution.inspect`. */
export async function inspect(
  engine: InspectEngine,
  text: string,
  options: InspectOptions,
): Promise<InspectedImage> {
  const operation = startOperation(options);
  const choice = choosePlatform(options);
  const { from } = options;
  if (from === "registry") return await inspectThere(engine, text, { options, choice, operation });
  try {
    return await inspectHere(engine, text, { choice, operation });
  } catch (error) {
    const isId = parseAnyReference(text).path === undefined;
    if (from === "local" || isId || !isNotFound(error)) throw error;
    return await inspectThere(engine, text, { options, choice, operation });
  }
}

/** What an image is inspected for. */
interface Inspection {
  readonly choice: PlatformChoice;
  readonly operation: Operation;
}

async function inspectHere(
  { finder, content, documentReaders }: InspectEngine,
  text: string,
  { choice, operation }: Inspection,
): Promise<InspectedImage> {
  const { name, target } = await finder.lookUp(text, operation);
  const reads = boundedReads(content, documentReaders);
  const read = (wanted: Descriptor) => readDocument(reads, wanted, operation);
  const { signal } = operation;
  const reading = { read, isHere: presence(content, operation), choice, isMeant: idMeant(text), signal };
  const described = await describeImage(target, reading);
  return { reference: name, from: "local", endpoint: undefined, passedOver: [], ...described };
}

async function inspectThere(
  engine: InspectEngine,
  text: string,
  { options, choice, operation }: Inspection & { readonly options: InspectOptions },
): Promise<InspectedImage> {
  const reference = parsePullReference(text, {});
  const walk = await registryWalk(engine, reference, options, operation);
  const ask = { signal: operation.signal, waiter: waiterOf(operation, pullStatus.idOf(reference)) };
  const promised = await promiseFor(walk, reference, (remote) => remote.resolve(reference, ask));
  const isKnownHere = () => isKnown(reference, { shared: engine, operation });
  const { value, endpoint } = await walk.run(reference, async (remote) => {
    const target = promised ?? (await resolveAt(remote, reference, { ...ask, isKnown: isKnownHere }));
    const reading = { ...readingAt(remote, engine, operation), choice };
    const bring = (wanted: Descriptor) => describeImage(wanted, reading);
    const context = { remote, operation };
    return (await inDockersWords(reference, () => keepPromise(reference, target, bring, context))).found;
  });
  return {
    reference: reference.toString(),
    from: "registry",
    endpoint,
    passedOver: walk.passedOver,
    ...value,
  };
}

/** Reads what is here, and the rest from a registry into memory. */
function readingAt(
  remote: RegistryRemote,
  shared: PullShared,
  operation: Operation,
): Omit<ImageReading, "choice"> {
  const content = new ScratchContent(shared.content);
  const reads = boundedReads(content, shared.documentReaders);
  return {
    async read(descriptor) {
      await fetchDocument(descriptor, operation.signal, {
        shared: { ...shared, content },
        remote,
        operation,
      });
      return await readDocument(reads, descriptor, operation);
    },
    isHere: presence(shared.content, operation),
    signal: operation.signal,
  };
}

async function readDocument(
  reads: Provider,
  descriptor: Descriptor,
  { signal }: Operation,
): Promise<Uint8Array> {
  return await readBlob(reads, descriptor, { maxBytes: MAX_MANIFEST_BYTES, signal });
}

function presence(content: InfoProvider, { signal }: Operation): ImageReading["isHere"] {
  return async ({ digest, size }) => (await unlessNotFound(content.info(digest, { signal })))?.size === size;
}
