import type { AbortOptions } from "../async/abort.ts";
import { forEachWithin } from "../async/for-each-within.ts";
import { type Digest, isDigest } from "../digest/digest.ts";
import { ErrInvalidArgument, ErrNotFound } from "../errors/classes.ts";
import { parseAnyReference, parseDockerRef, parseNormalizedNamed } from "../reference/normalize.ts";
import type { ImageIds } from "./image-ids.ts";
import type { IdentifiedImage } from "./image-lookup.ts";
import type { Image, ImageStore } from "./image-store.ts";

/** Images whose documents are read at the same time: each is an open file. */
const MAX_READS = 16;

/** What may begin an ID: with fewer digits it is more likely a name that was mistyped, and containerd's least for docker too. */
const SHORT_ID = /^(?:sha(?:256|384|512):)?[0-9a-f]{4,128}$/;

/** IDs that an error names. */
const MAX_NAMED = 3;

/** Looks images up by all that docker takes for one. */
export class ImageFinder {
  readonly #images: Pick<ImageStore, "list">;
  readonly #ids: ImageIds;

  constructor(images: Pick<ImageStore, "list">, ids: ImageIds) {
    this.#images = images;
    this.#ids = ids;
  }

  /** The name that a text means, and what it points at: see `ImageLookup.find`, which says what is thrown. */
  async lookUp(text: string, options: AbortOptions = {}): Promise<Image> {
    return await this.#choose(await this.#images.list(options), text, options);
  }

  /** See `ImageLookup.find`. */
  async find(text: string, options: AbortOptions = {}): Promise<IdentifiedImage> {
    const images = await this.#images.list(options);
    const { name, target } = await this.#choose(images, text, options);
    const names = images.filter((image) => image.target.digest === target.digest).map((image) => image.name);
    return { id: await this.#ids.idOf(target, options), name, target, names };
  }

  /** See `ImageLookup.identify`. */
  async identify(options: AbortOptions = {}): Promise<readonly IdentifiedImage[]> {
    return await this.#identified(await this.#images.list(options), options);
  }

  async #choose(images: readonly Image[], text: string, options: AbortOptions): Promise<Image> {
    const whole = images.some(({ name }) => name === text) ? undefined : wholeId(text);
    const found =
      whole === undefined ? byName(images, text) : images.find(({ target }) => target.digest === whole);
    if (found) return found;
    const isMeant = idMeant(text);
    if (!isMeant) throw notFound(text);
    return await this.#byId(images, text, isMeant, options);
  }

  /** The image whose ID or target is meant; one of other platforms of an index, when no other is. */
  async #byId(
    images: readonly Image[],
    text: string,
    isMeant: (id: Digest) => boolean,
    options: AbortOptions,
  ): Promise<Image> {
    const all = await this.#identified(images, options);
    const [first, ...others] = all.filter(({ id, target }) => isMeant(id) || isMeant(target.digest));
    const found = first ?? (await this.#below(all, isMeant, options));
    if (!found) throw notFound(text);
    const ids = [...new Set([found, ...others].map(({ id }) => id))];
    if (ids.length > 1) throw ambiguous(text, ids);
    return { name: found.name, target: found.target };
  }

  async #below(
    images: readonly IdentifiedImage[],
    isMeant: (id: Digest) => boolean,
    options: AbortOptions,
  ): Promise<IdentifiedImage | undefined> {
    for (const image of images) {
      const ids = await this.#ids.idsBelow(image.target, options);
      if ([...ids].some(isMeant)) return image;
    }
    return undefined;
  }

  async #identified(images: readonly Image[], options: AbortOptions): Promise<readonly IdentifiedImage[]> {
    const byTarget = new Map<Digest, { readonly first: Image; readonly names: string[]; id: Digest }>();
    for (const image of images) {
      const { digest } = image.target;
      const known = byTarget.get(digest);
      if (known) known.names.push(image.name);
      else byTarget.set(digest, { first: image, names: [image.name], id: digest });
    }
    await forEachWithin(
      [...byTarget.values()],
      async (entry, signal) => {
        entry.id = await this.#ids.idOf(entry.first.target, { signal });
      },
      { limit: MAX_READS, signal: options.signal },
    );
    return [...byTarget.values()].map(({ first, names, id }) => ({ id, ...first, names }));
  }
}

/** Which IDs a text may mean, all of one or its beginning; `undefined` for one that can mean none. */
export function idMeant(text: string): ((id: Digest) => boolean) | undefined {
  const whole = wholeId(text);
  if (whole !== undefined) return (id) => id === whole;
  if (!SHORT_ID.test(text)) return undefined;
  return (id) => id.startsWith(text) || id.slice(id.indexOf(":") + 1).startsWith(text);
}

/** A text that is an ID in full, as a digest. */
function wholeId(text: string): Digest | undefined {
  const isWhole = isDigest(text) || /^[0-9a-f]{64}$/.test(text);
  return isWhole ? parseAnyReference(text).digest : undefined;
}

/**
 * The image of a name, as it is spelt, or else as a reference; one with a digest is also what another name of that repository points
 * at. Throws `ErrInvalidArgument` for what can be no name.
 */
function byName(images: readonly Image[], text: string): Image | undefined {
  const exact = images.find(({ name }) => name === text);
  if (exact) return exact;
  const reference = parseDockerRef(text);
  const fullName = reference.toString();
  const named = images.find(({ name }) => name === fullName);
  if (named || reference.digest === undefined) return named;
  return images.find(
    ({ name, target }) => target.digest === reference.digest && isOf(name, reference.domain, reference.path),
  );
}

function isOf(name: string, domain: string, path: string): boolean {
  try {
    const reference = parseNormalizedNamed(name);
    return reference.domain === domain && reference.path === path;
  } catch {
    return false; // a name of another tool that is no reference
  }
}

function notFound(text: string): ErrNotFound {
  const full = wholeId(text) ?? parseDockerRef(text).toString();
  return new ErrNotFound(`image ${full}: not found`, { reference: full });
}

function ambiguous(text: string, ids: readonly Digest[]): ErrInvalidArgument {
  const rest = ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} more` : "";
  const some = ids.slice(0, MAX_NAMED).join(", ");
  const message = `image ${text}: got the beginning of ${ids.length} IDs, wanted one: ${some}${rest}`;
  return new ErrInvalidArgument(message, { reference: text });
}
