import type { AbortOptions } from "../../async/abort.ts";
import type { BackoffPolicy } from "../../async/backoff.ts";
import { retry } from "../../async/retry.ts";
import type { Waiter } from "../../async/waiting.ts";
import { Payers } from "../../bandwidth/payers.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Arrival } from "../../remotes/arriving.ts";
import { type FetchTarget, fetchContent } from "../../remotes/fetch.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { Remote } from "../../remotes/remote.ts";
import { HighWaterMark } from "../../xfer/high-water-mark.ts";
import type { Operation } from "../api/operation.ts";
import type { EndpointWalk, WalkEngine } from "../endpoints/endpoint-walk.ts";
import { remoteWalk } from "../endpoints/remote-walk.ts";
import type { AccessOptions } from "../endpoints/repositories.ts";
import { limitedHost } from "../operations/limited-host.ts";
import type { PullShared } from "../pull/puller.ts";
import { counting } from "../pull/traced-fetch.ts";
import { inDockersWords } from "../pull/translate-pull-error.ts";
import type { BlobStream } from "./blob-stream.ts";
import type { WrongAnswers } from "./wrong-answers.ts";

/** What brings content from registries to somewhere else than the store. */
export interface BringEngine extends WalkEngine, Pick<PullShared, "traffic" | "bandwidth" | "transfers"> {
  /** How patiently blobs are asked for. */
  readonly backoff: BackoffPolicy;
}

/** A repository, and the way along the endpoints that have it. */
export interface BlobOrigin {
  readonly reference: NormalizedReference;
  readonly walk: EndpointWalk<RegistryRemote>;
}

/** Looks up where the content of a repository may come from; no request is sent. Throws `ErrInvalidArgument`. */
export async function openOrigin(
  engine: BringEngine,
  reference: NormalizedReference,
  where: { readonly access: AccessOptions; readonly operation: Operation },
): Promise<BlobOrigin> {
  const walk = await remoteWalk(engine, reference, where);
  return { reference, walk };
}

/** On whose behalf content is brought, and who is told. */
export interface BringContext extends AbortOptions {
  readonly waiter: Waiter;
  readonly payers: Payers;
  /** Called with the bytes that have come, of the whole content. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Who is not to be asked; more are noted where the target has passed wrong bytes on. Default: everybody is asked. */
  readonly wrong?: WrongAnswers | undefined;
}

/** Where content is brought, and whether that has passed wrong bytes of it on. */
export type BringTarget = FetchTarget & Partial<Pick<BlobStream, "spoiled">>;

/**
 * Brings one content to `target`, from one endpoint after another until one has it, each with the attempts that a pull makes; every
 * attempt goes on where the target is. Gives the origin of the endpoint that brought the end of it.
 */
export async function bringBlob(
  blob: Descriptor,
  target: BringTarget,
  { engine, origin, context }: { engine: BringEngine; origin: BlobOrigin; context: BringContext },
): Promise<string> {
  const { signal, waiter, payers, wrong } = context;
  const { reference, walk } = origin;
  const mark = new HighWaterMark();
  const onBytes = (bytes: number): void => {
    mark.reached(bytes, blob.size);
    context.onBytes?.(bytes);
  };
  const bring = async (remote: Remote): Promise<boolean> => {
    const { endpoint } = remote;
    const flow = engine.bandwidth.flow({ direction: "down", host: limitedHost(endpoint), payers });
    const onArrival = (arrival: Arrival): void =>
      engine.traffic.arrived({ key: passingKey(blob), digest: blob.digest }, { ...arrival, endpoint });
    const source = { fetcher: remote, ingester: target, endpoint, flow, onArrival };
    try {
      const { digest, mediaType, size } = blob;
      const transfer = { digest, mediaType, size, direction: "down", endpoint } as const;
      return await engine.transfers.run(transfer, { signal, waiter }, (one) => {
        const hooked = { fetcher: one.fetching(remote), onBytes: counting(one, { onBytes }) };
        return fetchContent(blob, { ...source, ...hooked, signal, waiter });
      });
    } catch (error) {
      if (target.spoiled === "whole") wrong?.note(endpoint, error);
      throw error;
    }
  };
  const { endpoint } = await walk.run(reference, async (remote) => {
    wrong?.assertTrusted(remote.endpoint);
    const policy = { ...engine.backoff, maxRetryAfterMs: remote.backoff.maxRetryAfterMs };
    const attempts = { policy, signal, waiter, progressed: () => mark.hasRisen() };
    return await inDockersWords(reference, () => retry(() => bring(remote), attempts));
  });
  return endpoint;
}

/** Under which key the traffic of content is booked that is not brought into the store. */
export function passingKey({ digest }: Pick<Descriptor, "digest">): string {
  return `passing ${digest}`;
}

/** Those who pay for what an operation moves by itself. */
export function payersOf({ payer }: Operation): Payers {
  const payers = new Payers();
  if (payer) payers.add(payer);
  return payers;
}
