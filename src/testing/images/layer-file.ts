import { seededBytes } from "../storage/content.ts";
import type { TarFile } from "./tar.ts";

/** The one file of a test image's layer: given bytes, or so many pseudo-random ones. */
export function layerFile(content: Uint8Array | number, position: number): TarFile {
  const name = `layer-${position}`;
  if (typeof content === "number") return { name, size: content, generate: seededBytes(name) };
  const generate = (offset: number, length: number) => content.subarray(offset, offset + length);
  return { name, size: content.byteLength, generate };
}
