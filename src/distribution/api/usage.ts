import type { Image } from "../../images/image-store.ts";

/** A number of things, and their bytes. */
export interface Usage {
  readonly count: number;
  readonly bytes: number;
}

/** The bytes that an image has in the store. */
export interface ImageUsage extends Image {
  /** Everything that the image needs and that is here. */
  readonly bytes: number;
  /** Of these, what other names need as well. */
  readonly sharedBytes: number;
  /** What would be free without this name, as far as names go. */
  readonly uniqueBytes: number;
}

/** Where the bytes of a data root are. */
export interface DiskUsage {
  /** All committed content. */
  readonly content: Usage;
  /** Content that no name and no namespace needs: what `prune` removes when it is old enough. */
  readonly unreferenced: Usage;
  /** Content on its way, or broken off, whenever that was. */
  readonly ingests: Usage;
  /** Damaged content and databases that were taken out of the way; `prune` removes the content when it is old enough. */
  readonly setAside: Usage;
  /** Unpacked layers, by the bytes of their files. */
  readonly layers: Usage;
  /** Of these, what no image and no other user keeps: what `prune` removes. */
  readonly unusedLayers: Usage;
  /** Of all layers, those that lack what could not be made when they were unpacked. */
  readonly incompleteLayers: Usage;
  /** Each name, sorted. */
  readonly images: readonly ImageUsage[];
}
