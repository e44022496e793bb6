import { type Digest, parseDigest } from "../../src/digest/digest.ts";
import { startChild } from "./child.ts";

/** An image at a registry in a process of its own, which takes no memory and next to no time. */
export interface ServedImage extends AsyncDisposable {
  /** `host:port/repository:tag`, by plain HTTP. */
  readonly reference: string;
  /** `host:port`. */
  readonly host: string;
  /** Digests of its layers. */
  readonly layers: readonly Digest[];
}

/** Serves an image of so many layers that do not compress. The caller disposes of it. */
export async function serveImage(layers: number, layerBytes: number): Promise<ServedImage> {
  const child = startChild("support/image-child.ts", String(layers), String(layerBytes));
  const host = await child.line();
  return {
    host,
    reference: `${host}/bench/image:v1`,
    layers: (await child.line()).split(" ").map(parseDigest),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
