import { type Digest, parseDigest } from "../../src/digest/digest.ts";
import { type Child, startChild } from "./child.ts";
import type { PaceOptions, PaceReport } from "./pace.ts";

/** An image at a registry in a process of its own, which takes no memory and next to no time. */
export interface ServedImage extends AsyncDisposable {
  /** `host:port/repository:tag`, by plain HTTP. */
  readonly reference: string;
  /** `host:port`. */
  readonly host: string;
  /** Digests of its layers. */
  readonly layers: readonly Digest[];
}

/** One that sends no faster than it is told. */
export interface PacedImage extends ServedImage {
  /** What it has sent since it was asked last. */
  report(): Promise<PaceReport>;
}

/** Serves an image of so many layers that do not compress. The caller disposes of it. */
export async function serveImage(layers: number, layerBytes: number): Promise<ServedImage> {
  return (await start([layers, layerBytes])).image;
}

/** The same, no faster than this. Images of the same layers have the same digests. */
export async function servePacedImage(
  layers: number,
  layerBytes: number,
  pace: PaceOptions,
): Promise<PacedImage> {
  const { image, child } = await start([layers, layerBytes, JSON.stringify(pace)]);
  return { ...image, report: async () => JSON.parse(await child.ask()) as PaceReport };
}

async function start(
  args: readonly (number | string)[],
): Promise<{ readonly image: ServedImage; readonly child: Child }> {
  const child = startChild("support/image-child.ts", ...args.map(String));
  const host = await child.line();
  const image = {
    host,
    reference: `${host}/bench/image:v1`,
    layers: (await child.line()).split(" ").map(parseDigest),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
  return { image, child };
}
