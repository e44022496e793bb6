import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuiltImage, buildImage, buildIndex, type TestRegistry } from "../../src/testing.ts";

/** The repository of the demo. */
export const REPOSITORY = "demo/app";

const MIB = 1024 * 1024;
const TOP = join(import.meta.dirname, "..", "..");

const PLATFORMS = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm64" },
] as const;

/**
 * Three versions of one image for two platforms each, out of files at hand: a base that all share (the start of the Node.js
 * binary), a piece per platform, the project's own files, and one large layer that only v3 has. Returns the short id of that.
 */
export async function fillRegistry(registry: TestRegistry): Promise<string> {
  let largest = "";
  const base = await slice(process.execPath, 0, 12 * MIB);
  const license = await readFile(join(TOP, "LICENSE"));
  const lock = await readFile(join(TOP, "package-lock.json"));
  const large = await slice(process.execPath, 40 * MIB, 16 * MIB);
  const versions = new Map([
    ["v1", [license]],
    ["v2", [license, lock]],
    ["v3", [license, lock, large]],
  ]);
  for (const [tag, files] of versions) {
    const images: BuiltImage[] = [];
    for (const [position, platform] of PLATFORMS.entries()) {
      const own = await slice(process.execPath, (16 + 8 * position) * MIB, 6 * MIB);
      const image = await buildImage(registry, REPOSITORY, { platform, layers: [base, own, ...files] });
      images.push(image);
      largest = shortId(image);
    }
    buildIndex(registry, REPOSITORY, { tag, images });
  }
  return largest;
}

/** The id under which the progress of the top layer is shown. */
function shortId({ layers }: BuiltImage): string {
  return layers.at(-1)?.descriptor.digest.slice("sha256:".length).slice(0, 12) ?? "";
}

async function slice(path: string, offset: number, length: number): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const { bytesRead, buffer } = await file.read({ buffer: new Uint8Array(length), position: offset });
  return buffer.subarray(0, bytesRead);
}
