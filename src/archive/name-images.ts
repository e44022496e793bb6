import { ErrInvalidArgument, ErrNotFound } from "../errors/classes.ts";
import type { Image } from "../images/image-store.ts";
import { isNameOnly, withDigest, withTag } from "../reference/derive.ts";
import { REFERENCE, TAG } from "../reference/grammar.ts";
import { parseDockerRef, parseNormalizedNamed } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import type { FoundImage } from "./found-image.ts";

/** Most names that an error lists. */
const MAX_LISTED = 8;

/** An image with the name that it gets. */
export interface NamedImage extends Image {
  /** Whether the archive gives the image no name, beside others that have one: it is then known by its digest. */
  readonly isMadeUp: boolean;
}

/** The repository of images that an archive leaves without a name beside others. */
const NAMELESS = parseNormalizedNamed("import");

/**
 * The names that the images of an archive get: their own, or what `wanted` says. As `repository` it takes the place of the
 * archive's repositories, and the tags stay (`latest` for an image without one); as `repository:tag` or `repository@digest`
 * it is the one name of the only image, or of the one among several that has this tag. Images without a name get their digest
 * where others have one: `import@sha256:...`, or `repository@sha256:...`. Throws `ErrInvalidArgument` when a name is missing,
 * malformed, ambiguous or holds a digest that is not the image's, `ErrNotFound` when there is no image, or none with the tag.
 */
export function nameImages(found: readonly FoundImage[], wanted?: string): readonly NamedImage[] {
  if (found.length === 0) throw new ErrNotFound("import image: the archive lists no image");
  const named = found.filter(({ name }) => name !== undefined);
  const candidates = named.length > 0 ? named : found;
  const reference = wanted === undefined ? undefined : parseNormalizedNamed(wanted);
  const images = reference === undefined ? candidates.map(ownName) : givenNames(candidates, reference);
  const isOneName = reference !== undefined && !isNameOnly(reference);
  const taken = new Set(candidates.map(({ target }) => target.digest));
  const nameless = isOneName ? [] : found.filter(({ target }) => !taken.has(target.digest));
  return withoutRepetition([
    ...images.map((image) => ({ ...image, isMadeUp: false })),
    ...nameless.map(({ target }) => ({
      name: withDigest(reference ?? NAMELESS, target.digest).toString(),
      target,
      isMadeUp: true,
    })),
  ]);
}

function ownName({ target, name }: FoundImage): Image {
  const missing = missingPart(name);
  if (name !== undefined && missing === undefined)
    return checked({ name: parseDockerRef(name).toString(), target });
  throw new ErrInvalidArgument(
    `import image ${target.digest}: the archive gives ${missing}, wanted NAME[:TAG] with the import`,
  );
}

/** What an archive's name lacks to be one here. */
function missingPart(name: string | undefined): string | undefined {
  if (name === undefined) return "no name";
  return TAG.test(name) ? `only the tag "${name}"` : undefined;
}

function givenNames(candidates: readonly FoundImage[], reference: NormalizedReference): readonly Image[] {
  const isOne = new Set(candidates.map(({ target }) => target.digest)).size === 1;
  if (isNameOnly(reference)) {
    return candidates.map((candidate) => ({
      name: withTag(reference, tagFor(candidate, isOne)).toString(),
      target: candidate.target,
    }));
  }
  const chosen = isOne ? candidates : candidates.filter(({ name }) => tagOf(name) === reference.tag);
  const name = parseDockerRef(reference.toString()).toString();
  if (chosen.length > 0) return chosen.map(({ target }) => checked({ name, target }));
  const names = candidates.slice(0, MAX_LISTED).map((candidate) => candidate.name ?? candidate.target.digest);
  throw new ErrNotFound(
    `import image ${name}: the archive has ${candidates.length} images and none with this tag (${names.join(", ")})`,
  );
}

function tagFor({ target, name }: FoundImage, isOne: boolean): string {
  const tag = tagOf(name);
  if (tag !== undefined) return tag;
  if (isOne) return "latest";
  throw new ErrInvalidArgument(
    `import image ${target.digest}: one of several images, but the archive gives no tag`,
  );
}

function tagOf(name: string | undefined): string | undefined {
  if (name === undefined || TAG.test(name)) return name;
  return REFERENCE.exec(name)?.groups?.["tag"]; // of a name that is no reference nothing is kept
}

/** A name with a digest says what it points at. */
function checked(image: Image): Image {
  const { digest } = parseNormalizedNamed(image.name);
  if (digest === undefined || digest === image.target.digest) return image;
  throw new ErrInvalidArgument(`import image ${image.name}: got an image of digest ${image.target.digest}`, {
    digest: image.target.digest,
  });
}

function withoutRepetition(images: readonly NamedImage[]): readonly NamedImage[] {
  const byName = new Map<string, NamedImage>();
  for (const image of images) {
    const other = byName.get(image.name)?.target.digest ?? image.target.digest;
    if (other !== image.target.digest) {
      throw new ErrInvalidArgument(
        `import image ${image.name}: got two images of this name, ${other} and ${image.target.digest}`,
      );
    }
    byName.set(image.name, image);
  }
  return [...byName.values()];
}
