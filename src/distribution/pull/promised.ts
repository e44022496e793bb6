import { throwIfAborted } from "../../async/abort.ts";
import { goOnInTurn } from "../../async/turn-room.ts";
import { exists } from "../../content/exists.ts";
import type { InfoProvider } from "../../content/store.ts";
import { unlessNotFound } from "../../content/unless-not-found.ts";
import { ErrNotImplemented } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import type { ImageStore } from "../../images/image-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isIndexType, isManifestType, isSchema1Type } from "../../oci/media-types.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { ResolveOptions, Resolver } from "../../remotes/remote.ts";
import { type Operation, waiterOf } from "../api/operation.ts";
import type { EndpointWalk } from "../endpoints/endpoint-walk.ts";
import { pullStatus } from "./pull-status.ts";
import { inDockersWords } from "./translate-pull-error.ts";

/** Who is asked what a reference means, and for whom. */
export interface ResolveContext {
  /** `endpoint`: its origin, for errors. */
  readonly remote: Resolver & { readonly endpoint: string };
  readonly operation: Operation;
}

/** Where what a reference means may be. */
interface Known {
  readonly shared: { readonly content: InfoProvider; readonly images: Pick<ImageStore, "get"> };
  readonly operation: Operation;
}

/**
 * Whether the store may have what a reference points at: then the answer to HEAD, which registries do not count as a pull, may be
 * all that is needed. Otherwise the document has to come anyway.
 */
export async function isKnown(
  reference: NormalizedReference,
  { shared, operation }: Known,
): Promise<boolean> {
  const { digest } = reference;
  if (digest !== undefined) return await exists(shared.content, digest, operation);
  return (await unlessNotFound(shared.images.get(reference.toString(), operation))) !== undefined;
}

/** What a reference means at an endpoint. Throws `ErrNotImplemented` for what is no manifest or index of a kind we know. */
export async function resolveTarget(
  reference: NormalizedReference,
  { remote, operation }: ResolveContext,
  options: Omit<ResolveOptions, "signal" | "waiter"> = {},
): Promise<Descriptor> {
  const waiter = waiterOf(operation, pullStatus.idOf(reference));
  const { signal } = operation;
  const asked = remote.resolve(reference, { signal, waiter, ...options });
  const target = await goOnInTurn(asked, "goesOn", { signal });
  const { mediaType, digest } = target;
  if (isManifestType(mediaType) || isIndexType(mediaType)) return target;
  const reason = isSchema1Type(mediaType)
    ? "docker schema 1 is not supported"
    : "unsupported manifest format";
  throw new ErrNotImplemented(`pull ${reference.toString()}: got ${mediaType}, ${reason}`, {
    digest,
    endpoint: remote.endpoint,
  });
}

/**
 * What a tag means, where the endpoints that say so are not those that have it (containerd's `resolve` and `pull`); `undefined`
 * where each endpoint tells and gives. A digest means itself.
 */
export async function promiseFor<R>(
  walk: EndpointWalk<R>,
  reference: NormalizedReference,
  resolve: (site: R) => Promise<Descriptor>,
): Promise<Descriptor | undefined> {
  if (!walk.isDivided || reference.digest !== undefined) return undefined;
  const ask = (site: R) => inDockersWords(reference, () => resolve(site));
  return (await walk.run(reference, ask, "resolve")).value;
}

/** What a reference points at, and what was found below it. */
interface Kept<T> {
  readonly target: Descriptor;
  readonly found: T;
}

/**
 * What `bring` finds below what an endpoint promised. When it did not keep the promise, because the size is another one or the
 * manifest can be had by its tag alone, the reference itself is asked for, and its bytes are taken if they have the digest.
 */
export async function keepPromise<T>(
  reference: NormalizedReference,
  promised: Descriptor,
  bring: (target: Descriptor) => Promise<T>,
  context: ResolveContext,
): Promise<Kept<T>> {
  try {
    return { target: promised, found: await bring(promised) };
  } catch (error) {
    if (!isBrokenPromise(error, promised)) throw error;
    const target = await resolveTarget(reference, context, { withBytes: true }).catch(() => undefined);
    throwIfAborted(context.operation.signal);
    if (target?.digest !== promised.digest) throw error;
    return { target, found: await bring(target) };
  }
}

/** Whether the bytes of the very document that was promised could not be had. */
function isBrokenPromise(error: unknown, { digest, data }: Descriptor): boolean {
  const found = findError(error);
  if (found?.endpoint === undefined || found.digest !== digest || data !== undefined) return false;
  return found.httpStatus === 404 || found.code === "ERR_DATA_LOSS";
}
