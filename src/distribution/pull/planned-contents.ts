import type { AbortOptions } from "../../async/abort.ts";
import { forEachWithin } from "../../async/for-each-within.ts";
import { committedSize } from "../../content/exists.ts";
import { type Info, isOffsetProvider, type Store } from "../../content/store.ts";
import { unlessNotFound } from "../../content/unless-not-found.ts";
import type { Digest } from "../../digest/digest.ts";
import type { ImageContent } from "../../images/image-graph.ts";
import { sourcesOf } from "../../images/source-label.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isIndexType } from "../../oci/media-types.ts";
import { makeRefKey, transferKey } from "../../remotes/ref-key.ts";
import type { PlannedContent } from "../api/image-plan.ts";
import type { ContentHere, NamedContent } from "./named-content.ts";
import type { PullShared } from "./puller.ts";

/** Contents of a plan that are looked for at the same time: each may be a file that is opened. */
const MAX_LOOKS = 16;

/** What of an engine knows what is here, and what is coming. */
type Whereabouts = Pick<PullShared, "content" | "documents" | "downloads">;

/** What of an engine knows where contents are. */
export type PlanSurroundings = Whereabouts & Pick<PullShared, "mountSources">;

/** The contents of images, each once: the documents that were visited, and then what each image names. */
export function namedContents(
  documents: readonly Descriptor[],
  images: readonly ImageContent[],
): readonly NamedContent[] {
  const named = [
    ...documents.map((document): NamedContent => {
      return { ...document, kind: isIndexType(document.mediaType) ? "index" : "manifest" };
    }),
    ...images.flatMap(({ config, layers }): readonly NamedContent[] => [
      { ...config, kind: "config" },
      ...layers.map((layer): NamedContent => ({ ...layer, kind: "layer" })),
    ]),
  ];
  const first = new Map<Digest, NamedContent>();
  for (const content of named) if (!first.has(content.digest)) first.set(content.digest, content);
  return [...first.values()];
}

/**
 * Looks where contents are, in their order.
 *
 * @param domain the registry whose repositories may have them
 */
export async function plannedContents(
  contents: readonly NamedContent[],
  domain: string,
  surroundings: PlanSurroundings,
  options: AbortOptions = {},
): Promise<readonly PlannedContent[]> {
  return await eachContent(
    contents,
    async (content, abort) => {
      const { digest, size, mediaType, kind } = content;
      const info = await unlessNotFound(surroundings.content.info(digest, abort));
      const { bytesHere, isComing } = await lookFor(content, info?.size, surroundings, abort);
      const remembered = await surroundings.mountSources.list(digest, abort);
      const mountableFrom = repositoriesAt(domain, info, remembered);
      return { digest, size, mediaType, kind, bytesHere, isComing, mountableFrom };
    },
    options,
  );
}

/** Looks what of contents is here, in their order. */
export async function contentsHere(
  contents: readonly NamedContent[],
  whereabouts: Whereabouts,
  options: AbortOptions = {},
): Promise<readonly ContentHere[]> {
  return await eachContent(
    contents,
    async (content, abort) => {
      const sizeHere = await committedSize(whereabouts.content, content.digest, abort);
      return await lookFor(content, sizeHere, whereabouts, abort);
    },
    options,
  );
}

async function eachContent<T>(
  contents: readonly NamedContent[],
  look: (content: NamedContent, abort: AbortOptions) => Promise<T>,
  { signal }: AbortOptions,
): Promise<readonly T[]> {
  const found = new Map<number, T>();
  await forEachWithin(
    [...contents.entries()],
    async ([at, content], abort) => void found.set(at, await look(content, { signal: abort })),
    { limit: MAX_LOOKS, signal },
  );
  return contents.flatMap((_, at) => found.get(at) ?? []);
}

async function lookFor(
  content: NamedContent,
  sizeHere: number | undefined,
  { content: store, documents, downloads }: Whereabouts,
  abort: AbortOptions,
): Promise<ContentHere> {
  const { size } = content;
  const bytesHere = sizeHere === size ? size : await bytesOnTheWay(content, store, abort);
  const key = transferKey(content);
  const isComing = bytesHere < size && (documents.has(key) || downloads.has(key)); // and not merely on its way out
  return { content, bytesHere, isComing };
}

/** How far a download has come that was broken off, or is under way. */
async function bytesOnTheWay(content: NamedContent, store: Store, abort: AbortOptions): Promise<number> {
  const ref = makeRefKey(content);
  const offset = isOffsetProvider(store)
    ? await store.offsetOf(ref, abort)
    : (await unlessNotFound(store.status(ref, abort)))?.offset;
  return offset !== undefined && offset <= content.size ? offset : 0;
}

function repositoriesAt(
  domain: string,
  info: Info | undefined,
  remembered: ReadonlyArray<{ readonly repository: string }>,
): readonly string[] {
  const start = `${domain}/`;
  const pushed = remembered.filter(({ repository }) => repository.startsWith(start));
  return [
    ...new Set([
      ...sourcesOf(info?.labels ?? {}, domain),
      ...pushed.map(({ repository }) => repository.slice(start.length)),
    ]),
  ];
}
