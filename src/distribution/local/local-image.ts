import { boundedReads } from "../../content/bounded-reads.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import type { ImageFinder } from "../../images/image-finder.ts";
import { collectImages, type ImageContent } from "../../images/image-graph.ts";
import type { Image } from "../../images/image-store.ts";
import { type Inspected, inspectImage } from "../../images/inspect-image.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseAnyReference, parseDockerRef } from "../../reference/normalize.ts";
import type { Operation } from "../api/operation.ts";
import { choosePlatform } from "../pull/pull-reference.ts";
import type { PullShared } from "../pull/puller.ts";

/** An image of this data root, and what it consists of. */
export interface LocalImage extends ImageContent {
  readonly name: string;
  /** What the name points at. */
  readonly target: Descriptor;
  /** Digests of the uncompressed layers, lowest first; none where the config says nothing of them. */
  readonly diffIds: readonly Digest[];
}

/** What images are looked up with. */
export interface LocalImages extends Pick<PullShared, "content" | "documentReaders"> {
  readonly finder: ImageFinder;
}

/** Which image is wanted, and for what. */
export interface LocalImageOptions {
  /** For messages: `unpack`. */
  readonly action: string;
  readonly platform: string | undefined;
}

/** What a name of this data root points at, for one platform. */
export interface LocalContent {
  readonly image: Image;
  /** Absent where there is no manifest in it. */
  readonly wanted: ImageContent | undefined;
  readonly inspected: Inspected | undefined;
}

/**
 * Looks up what is here under a name; its layers need not be. Throws `ErrNotFound` for a name that is not here, saying how it comes, or a
 * document that is not.
 */
export async function localContent(
  shared: LocalImages,
  reference: string,
  { action, platform }: LocalImageOptions,
  operation: Operation,
): Promise<LocalContent> {
  const image = await named(shared, reference, { action, operation });
  const content = boundedReads(shared.content, shared.documentReaders);
  const choice = choosePlatform({ platform });
  const [wanted] = await collectImages(
    image.target,
    { content, fetchDocument: async () => [], choice },
    operation,
  );
  return { image, wanted, inspected: wanted && (await inspectImage(wanted, content, operation)) };
}

/** The same of an image. Throws as `localContent` does, and `ErrInvalidArgument` for what is no image. */
export async function localImage(
  shared: LocalImages,
  reference: string,
  options: LocalImageOptions,
  operation: Operation,
): Promise<LocalImage> {
  return imageOf(await localContent(shared, reference, options, operation), options.action);
}

/** Content that has to be an image. Throws `ErrInvalidArgument` when it is none. */
export function imageOf({ image, wanted, inspected }: LocalContent, action: string): LocalImage {
  if (wanted && inspected?.kind === "image") {
    return { ...wanted, ...image, diffIds: inspected.diffIds };
  }
  throw new ErrInvalidArgument(`${action} ${image.name}: got an artifact, wanted an image`, {
    digest: image.target.digest,
  });
}

async function named(
  { finder }: LocalImages,
  reference: string,
  { action, operation }: { readonly action: string; readonly operation: Operation },
): Promise<Image> {
  try {
    return await finder.lookUp(reference, operation);
  } catch (cause) {
    if (!isNotFound(cause) || parseAnyReference(reference).path === undefined) throw cause;
    const name = parseDockerRef(reference).toString();
    const message = `${action} ${name}: there is no such image here; get it with "drayage pull ${name}"`;
    throw new ErrNotFound(message, { cause, reference: name });
  }
}
