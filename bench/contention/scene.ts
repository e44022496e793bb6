import { pseudoRandom } from "../../test/real/support/pseudo-random.ts";
import { digestOf, makeImage, type ServedImage } from "../support/image.ts";

const MEBIBYTE = 1_048_576;

/** Layers of the pull that is measured, and the size of each: 1 GiB, as in the bench of pushes. */
const LAYERS = 8;
const LAYER_BYTES = 128 * MEBIBYTE;

/** What is measured, for people. */
export const MEASURED_TEXT = `1 GiB in ${LAYERS} layers of ${LAYER_BYTES / MEBIBYTE} MiB`;

/** The layer that the measured pull shares with pulls that cannot succeed. */
const SHARED = "shared layer";

/** Bytes of the layer that cannot be had from the broken registry. */
const BROKEN_BYTES = MEBIBYTE;

/** The layer whose source is broken, as the other images have it. */
export const BROKEN_LAYER = digestOf(Buffer.concat([...pseudoRandom("broken layer", BROKEN_BYTES)]));

/** The image that is measured. */
export const MEASURED = "bench/healthy:v1";

/** An image that shares a layer with the measured one, and has one that the broken registry cannot give. */
export const BROKEN = "bench/broken:v1";

/** Whose layer another process is writing at the moment. */
export const NEIGHBOUR = "bench/neighbour:v1";

/** Small images to be removed. */
export const REMOVED: readonly string[] = Array.from({ length: 25 }, (_, number) => `bench/small:v${number}`);

function image(name: string, layerSeeds: readonly string[], layerBytes: number): ServedImage {
  const [repository = "", tag = ""] = name.split(":");
  return makeImage({ repository, tag, layerSeeds, layerBytes });
}

/** Every image of the bench. */
export function images(): readonly ServedImage[] {
  const own = Array.from({ length: LAYERS - 1 }, (_, number) => `healthy layer ${number}`);
  return [
    image(MEASURED, [SHARED, ...own], LAYER_BYTES),
    withBrokenLayer(image(BROKEN, [SHARED], LAYER_BYTES)),
    image(NEIGHBOUR, ["neighbour layer"], MEBIBYTE),
    ...REMOVED.map((name) => image(name, [name, "small base"], 64 * 1_024)),
  ];
}

function withBrokenLayer(image: ServedImage): ServedImage {
  const broken = Buffer.concat([...pseudoRandom("broken layer", BROKEN_BYTES)]);
  const manifest = JSON.parse(image.manifest.toString()) as { config: object; layers: object[] };
  const layer = {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    digest: BROKEN_LAYER,
    size: broken.length,
  };
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [...image.layers, BROKEN_LAYER] },
    }),
  );
  const named = {
    ...manifest,
    config: { ...manifest.config, digest: digestOf(config), size: config.length },
  };
  return {
    ...image,
    manifest: Buffer.from(JSON.stringify({ ...named, layers: [...manifest.layers, layer] })),
    blobs: new Map([...image.blobs, [digestOf(config), config], [BROKEN_LAYER, broken]]),
  };
}
