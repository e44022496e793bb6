import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Distribution } from "../../distribution/api/distribution.ts";
import { isNotFound } from "../../errors/predicates.ts";
import type { IdentifiedImage } from "../../images/image-lookup.ts";
import type { Image } from "../../images/image-store.ts";
import { repositoriesIn } from "../../images/source-label.ts";
import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import { tagNameOnly } from "../../reference/derive.ts";
import { familiarName, familiarString } from "../../reference/familiar.ts";
import { parseAnyReference, parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { Refusal } from "../http/refusal.ts";
import { type FoundConfig, type FoundManifest, ImageDocuments } from "./image-documents.ts";

/** A name of an image, parsed. */
export interface CatalogName extends Image {
  readonly reference: NormalizedReference;
}

/** One image, as docker counts them: whatever has the same config. */
export interface CatalogImage {
  /** Digest of its config; of the target, where it is no image. */
  readonly id: Digest;
  /** Never empty, sorted. */
  readonly names: readonly CatalogName[];
  /** What the first name points at. */
  readonly target: Descriptor;
  /** `undefined` where its documents cannot be read. */
  readonly manifest: FoundManifest | undefined;
  /** `undefined` for an artifact. */
  readonly config: FoundConfig | undefined;
}

/** The images of an engine, by ID, as docker's clients name them. */
export class ImageCatalog {
  readonly documents: ImageDocuments;
  readonly #distribution: Pick<Distribution, "content" | "images">;

  constructor(distribution: Pick<Distribution, "content" | "images">) {
    this.#distribution = distribution;
    this.documents = new ImageDocuments(distribution.content);
  }

  /** All images, those that were made last first. */
  async list(options: AbortOptions = {}): Promise<readonly CatalogImage[]> {
    const byId = new Map<Digest, readonly IdentifiedImage[]>();
    for (const image of await this.#distribution.images.identify(options)) {
      byId.set(image.id, [...(byId.get(image.id) ?? []), image]);
    }
    const images: CatalogImage[] = [];
    for (const sameImages of byId.values()) {
      const image = await this.#imageOf(sameImages, options);
      if (image.names.length > 0) images.push(image);
    }
    return images.toSorted((a, b) => madeAt(b) - madeAt(a));
  }

  /** What is known of a target, whatever names it has. */
  async describe(target: Descriptor, options: AbortOptions = {}): Promise<Omit<CatalogImage, "names">> {
    const manifest = await this.documents.manifest(target, options);
    const config = manifest && (await this.documents.config(manifest.config, options));
    return { id: manifest?.config.digest ?? target.digest, target, manifest, config };
  }

  /**
   * The image that a client means: by ID, by name, or by the beginning of an ID, in that order. Throws `Refusal` in dockerd's words
   * where there is none, and `ErrInvalidArgument` for what is no reference.
   */
  async find(text: string, options: AbortOptions = {}): Promise<CatalogImage> {
    const { images } = this.#distribution;
    const found = await images.find(text, options).catch((error: unknown) => {
      throw isNotFound(error) ? new Refusal(404, `No such image: ${shownAs(text)}`) : error;
    });
    const others = (await images.identify(options)).filter(
      ({ id, target }) => id === found.id && target.digest !== found.target.digest,
    );
    return await this.#imageOf([found, ...others], options);
  }

  /** The same image for another platform, where that is here. Throws `Refusal` otherwise. */
  async forPlatform(image: CatalogImage, platform: Platform, options: AbortOptions): Promise<CatalogImage> {
    const manifest = await this.documents.manifest(image.target, { ...options, platform });
    const config = manifest && (await this.documents.config(manifest.config, options));
    if (manifest && config) return { ...image, id: manifest.config.digest, manifest, config };
    const { os, architecture } = platform;
    const [name] = image.names;
    const shown = name ? familiarString(name.reference) : image.id;
    throw new Refusal(
      404,
      `image with reference ${shown} was found but does not provide the specified platform (${os}/${architecture})`,
    );
  }

  /** The names with a digest under which an image's content is at registries, sorted. */
  async digestNames({ names }: CatalogImage, options: AbortOptions = {}): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const { reference, target } of names) {
      const digested = `${familiarName(reference)}@${target.digest}`;
      if (reference.digest !== undefined || (await this.#cameFrom(reference, target, options)))
        found.add(digested);
    }
    return [...found].toSorted();
  }

  /** What has the same config is one image, whatever its names point at. */
  async #imageOf(sameImages: readonly IdentifiedImage[], options: AbortOptions): Promise<CatalogImage> {
    const names = sameImages
      .flatMap(({ names: all, target }) => all.flatMap((name) => named({ name, target }) ?? []))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const [{ id, target }] = sameImages as readonly [IdentifiedImage, ...IdentifiedImage[]];
    return { ...(await this.describe(target, options)), id, names };
  }

  async #cameFrom(
    { domain, path }: NormalizedReference,
    { digest }: Descriptor,
    options: AbortOptions,
  ): Promise<boolean> {
    const info = await this.#distribution.content.info(digest, options).catch(() => undefined);
    const host = domain.replace(/:\d+$/, ""); // as labels have it
    return repositoriesIn(info?.labels ?? {}).some((one) => one.host === host && one.repository === path);
  }
}

/** The names of an image by tag, in familiar form. */
export function tagNames({ names }: Pick<CatalogImage, "names">): readonly string[] {
  return names
    .filter(({ reference }) => reference.digest === undefined)
    .map(({ reference }) => familiarString(reference));
}

/** Bytes of an image: those of its documents and layers, as they are stored. */
export function sizeOf({ manifest }: Pick<CatalogImage, "manifest">): number {
  if (!manifest) return 0;
  const { descriptor, config, layers } = manifest;
  return [descriptor, config, ...layers].reduce((sum, { size }) => sum + size, 0);
}

function named(image: Image): CatalogName | undefined {
  try {
    return { ...image, reference: parseNormalizedNamed(image.name) };
  } catch {
    return undefined;
  }
}

function madeAt({ config }: CatalogImage): number {
  return config?.view.createdSeconds ?? Number.NEGATIVE_INFINITY;
}

function shownAs(text: string): string {
  const reference = parseAnyReference(text);
  return reference.path === undefined ? text : familiarString(tagNameOnly(parseNormalizedNamed(text)));
}
