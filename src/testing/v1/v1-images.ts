import { ErrInvalidArgument } from "../../errors/classes.ts";
import {
  type BlobContent,
  type GeneratedBytes,
  generatedContent,
  memoryContent,
} from "../storage/content.ts";

/** An image of version 1: one layer, and the way to the layers below. */
export interface V1Image {
  /** 64 hexadecimal digits; servers take 16 as well. */
  readonly id: string;
  /** The image below; absent for a base. */
  readonly parent?: string | undefined;
  /** The document about it, as it was pushed. */
  readonly json: Uint8Array;
  /** Bytes, which are kept and not copied, or a rule that makes them. */
  readonly layer: Uint8Array | GeneratedBytes;
  /** What `X-Docker-Checksum-Payload` lists; absent: no such header. */
  readonly checksums?: readonly string[] | undefined;
}

/** An image as the registry serves it. */
export type HeldV1Image = Omit<V1Image, "layer"> & { readonly layer: BlobContent };

/** The images of a version 1 registry, by id, and the tags of its repositories. */
export class V1Images {
  readonly #images = new Map<string, HeldV1Image>();
  readonly #tags = new Map<string, Map<string, string>>();

  /** Puts an image in the place of any other of its id. Nothing in it is checked. */
  put(image: V1Image): void {
    const { layer } = image;
    const content = layer instanceof Uint8Array ? memoryContent(layer) : generatedContent(layer);
    this.#images.set(image.id, { ...image, layer: content });
  }

  /** Names an image in a repository, whether or not it is there. Throws `ErrInvalidArgument` for a name without namespace. */
  tag(repository: string, tag: string, id: string): void {
    if (!repository.includes("/")) {
      throw new ErrInvalidArgument(`Tag image: "${repository}" has no namespace, such as "library/"`);
    }
    const tags = this.#tags.get(repository) ?? new Map<string, string>();
    this.#tags.set(repository, tags.set(tag, id));
  }

  /** The image of an id. */
  image(id: string): HeldV1Image | undefined {
    return this.#images.get(id);
  }

  /** What the tags of a repository point at; `undefined` for a repository that is not there. */
  tags(repository: string): ReadonlyMap<string, string> | undefined {
    return this.#tags.get(repository);
  }

  /** The ids from an image down to its base, as far as they are here. A circle is followed once. */
  ancestry(id: string): readonly string[] {
    const ids = new Set<string>();
    for (let next: string | undefined = id; next !== undefined && !ids.has(next); ) {
      ids.add(next);
      next = this.#images.get(next)?.parent;
    }
    return [...ids];
  }
}
