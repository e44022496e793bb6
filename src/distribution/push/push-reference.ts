import { ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import type { ImageFinder } from "../../images/image-finder.ts";
import type { Image, ImageStore } from "../../images/image-store.ts";
import { isNameOnly, trimNamed, withTag } from "../../reference/derive.ts";
import { parseAnyReference, parseDockerRef, parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { PushOptions } from "../api/distribution.ts";

/** One name to push, and what it is to be called at the registry. */
export interface NamedPush {
  readonly image: Image;
  readonly target: NormalizedReference;
}

/**
 * What a push means: the image of a name, or with `allTags` every tag of its repository in lexical order. Throws
 * `ErrInvalidArgument` with the grammar's own texts, `ErrNotFound` when there is nothing of that name.
 */
export async function namedPushes(
  { images, finder }: { readonly images: ImageStore; readonly finder: ImageFinder },
  source: string,
  { target, allTags = false, signal }: PushOptions,
): Promise<readonly NamedPush[]> {
  if (allTags) return await allTagsOf(images, source, target);
  const image = await finder.lookUp(source, { signal });
  return [{ image, target: target === undefined ? ownTarget(source, image) : parseDockerRef(target) }];
}

/** The name itself. An ID says nothing of where an image is to go, and its names may say several things. */
function ownTarget(source: string, { name }: Image): NormalizedReference {
  const { path, digest } = parseAnyReference(source);
  const target = path === undefined ? undefined : parseDockerRef(source);
  if (target && (digest !== undefined || name === target.toString())) return target;
  throw new ErrInvalidArgument(`push ${source}: got an ID alone, wanted a name at the registry as well`, {
    reference: source,
  });
}

async function allTagsOf(images: ImageStore, source: string, target = source): Promise<readonly NamedPush[]> {
  const from = parseNormalizedNamed(source);
  const to = parseNormalizedNamed(target);
  if (!isNameOnly(from) || !isNameOnly(to)) {
    throw new ErrInvalidArgument(`push all tags of "${source}": tag can't be used with all tags`, {
      reference: source,
    });
  }
  const prefix = `${trimNamed(from).toString()}:`;
  const tagged = (await images.list()).filter(({ name }) => name.startsWith(prefix) && !name.includes("@"));
  if (tagged.length === 0) throw new ErrNotFound(`no tags to push for ${source}`, { reference: source });
  return tagged.map((image) => ({ image, target: withTag(to, image.name.slice(prefix.length)) }));
}
