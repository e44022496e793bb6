import type { AbortOptions } from "../async/abort.ts";
import type { InfoProvider, Provider } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrNotFound, ErrNotImplemented } from "../errors/classes.ts";
import { isNotFound } from "../errors/predicates.ts";
import { readDocument } from "../images/children.ts";
import { type Handler, handlers } from "../images/handler.ts";
import { walk } from "../images/walk.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isLayerType, isManifestType } from "../oci/media-types.ts";
import { childrenOf } from "../oci/parse-document.ts";

/** Everything below a descriptor, in the order in which a registry must get it. */
export interface PushPlan {
  readonly blobs: readonly Descriptor[];
  /** Those of the blobs that are configs of manifests. */
  readonly configs: ReadonlySet<Digest>;
  /** Manifests and indexes. Those of one round name, as children or as subject, only what is in rounds before it. */
  readonly rounds: readonly (readonly Descriptor[])[];
}

/** How a push is planned. */
export interface PlanOptions extends AbortOptions {
  /** Whether layers need not be in the store. Default false. */
  readonly mayLackLayers?: boolean | undefined;
}

/** A document, and what it names. */
interface PlannedDocument {
  readonly descriptor: Descriptor;
  readonly needs: readonly Digest[];
}

/**
 * Walks the graph below `root` in the store and puts it in order; the last round is `root` alone, if that is a document. Throws
 * `ErrNotFound` when content of the graph is not in the store, and the errors of malformed documents.
 */
export async function planPush(
  root: Descriptor,
  content: Provider & InfoProvider,
  { mayLackLayers = false, ...options }: PlanOptions,
): Promise<PushPlan> {
  const blobs: Descriptor[] = [];
  const configs = new Set<Digest>();
  const documents: PlannedDocument[] = [];
  const visit: Handler = async (descriptor, abort) => {
    if (!isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType)) {
      blobs.push(descriptor);
      return [];
    }
    const document = await readDocument(content, descriptor, abort);
    if (document.kind === "index") refuseForeign(descriptor, document.foreign);
    else configs.add(document.config.digest);
    const children = childrenOf(document);
    const subject = document.subject ? [document.subject] : [];
    documents.push({ descriptor, needs: [...children, ...subject].map(({ digest }) => digest) });
    return children;
  };
  const isThere = presenceHandler(content);
  const check: Handler = async (descriptor, abort) =>
    mayLackLayers && isLayerType(descriptor.mediaType) ? [] : await isThere(descriptor, abort);
  await walk(handlers(check, visit), [root], options);
  return { blobs, configs, rounds: roundsOf(documents) };
}

/** An index is pushed as it is, so all that it names has to be there. */
function refuseForeign({ digest }: Descriptor, [foreign]: readonly string[]): void {
  if (foreign === undefined) return;
  throw new ErrNotImplemented(`push ${digest}: the digest algorithm of ${foreign} is not supported`, {
    digest,
  });
}

/** A digest cannot name itself by a detour, so each turn of the loop finds a document whose turn it is. */
function roundsOf(documents: readonly PlannedDocument[]): readonly (readonly Descriptor[])[] {
  const rounds: (readonly Descriptor[])[] = [];
  let waiting = documents;
  while (waiting.length > 0) {
    const missing = new Set(waiting.map(({ descriptor }) => descriptor.digest));
    const isReady = ({ needs }: PlannedDocument): boolean => !needs.some((digest) => missing.has(digest));
    const ready = waiting.filter(isReady);
    rounds.push((ready.length > 0 ? ready : waiting).map(({ descriptor }) => descriptor));
    waiting = ready.length > 0 ? waiting.filter((document) => !isReady(document)) : [];
  }
  return rounds;
}

/**
 * A handler that refuses what is not in the store, with advice, and has no children. Throws `ErrNotFound`, and the errors of
 * `info`.
 */
export function presenceHandler(content: InfoProvider): Handler {
  return async ({ digest, platform }, options) => {
    try {
      await content.info(digest, options);
      return [];
    } catch (cause) {
      if (!isNotFound(cause)) throw cause;
      const what = platform ? `content for ${platform.os}/${platform.architecture}` : "content";
      const hint = "pull it for all platforms, or push one platform";
      throw new ErrNotFound(`push ${digest}: ${what} is not in the store; ${hint}`, { cause, digest });
    }
  };
}
