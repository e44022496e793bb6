import { makeImage, type ServedImage } from "../support/image.ts";

/** An image of twenty small layers that everybody wants at once. */
export const CROWDED = "bench/crowd:v1";

/** As many different small images. */
export const MANY: readonly string[] = Array.from({ length: 200 }, (_, number) => `bench/many:v${number}`);

/** What the registry of the bench serves. */
export function crowdImages(): readonly ServedImage[] {
  const layers = Array.from({ length: 20 }, (_, number) => `crowd layer ${number}`);
  return [
    image(CROWDED, layers, 64 * 1_024),
    ...MANY.map((name) => image(name, [name, `${name} top`], 16 * 1_024)),
  ];
}

function image(name: string, layerSeeds: readonly string[], layerBytes: number): ServedImage {
  const [repository = "", tag = ""] = name.split(":");
  return makeImage({ repository, tag, layerSeeds, layerBytes });
}
