import { type Digest, shortId } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/images.ts";
import type { BuiltImage } from "../../../src/testing.ts";

/** The lowest layer of an image that has one. */
export function layerOf({ layers: [layer] }: BuiltImage): Descriptor {
  if (!layer) throw new TypeError("the image has no layers");
  return layer.descriptor;
}

/** The id by which a push shows the first layer of an image: that of its uncompressed content. */
export function layerIdOf({ layers: [layer] }: BuiltImage): string {
  if (!layer) throw new TypeError("the image has no layers");
  return shortId(layer.diffId);
}

/** Digests of everything that the images consist of, sorted, each one once. */
export function digestsOf(...images: readonly BuiltImage[]): readonly Digest[] {
  const digests = images.flatMap(({ descriptor, config, layers }) => [
    descriptor.digest,
    config.digest,
    ...layers.map((layer) => layer.descriptor.digest),
  ]);
  return [...new Set(digests)].toSorted();
}

/** Bytes of everything that an image consists of. */
export function sizeOf({ descriptor, config, layers }: BuiltImage): number {
  const contents = [descriptor, config, ...layers.map((layer) => layer.descriptor)];
  return contents.reduce((sum, { size }) => sum + size, 0);
}
