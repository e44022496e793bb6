import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../src/digest/digest.ts";
import { openDistribution } from "../../src/index.ts";
import { tagInLayout, writeImage } from "../../test/real/support/images.ts";

/** An image that does not compress. */
export interface BenchImage {
  /** `repository:tag`. */
  readonly name: string;
  readonly layers: number;
  readonly layerBytes: number;
}

/** Where it goes. */
export interface RegistryToFill {
  /** `host:port`. */
  readonly host: string;
  /** Whether it speaks HTTPS, with a certificate that nobody knows. */
  readonly tls: boolean;
  /** Folder in which the image is made. */
  readonly work: string;
}

/** Makes an image and pushes it. The digests of its layers. */
export async function fillRegistry(
  { host, tls, work }: RegistryToFill,
  { name, layers: count, layerBytes }: BenchImage,
): Promise<readonly Digest[]> {
  await mkdir(work, { recursive: true });
  const root = await mkdtemp(join(work, "drayage-bench-"));
  try {
    const recipe = Array.from({ length: count }, (_, at) => ({
      bytes: layerBytes,
      compression: "none" as const,
      seed: `${name} ${at}`,
    }));
    const { manifest, layers } = await writeImage(root, { layers: recipe });
    await tagInLayout(root, `localhost/${name}`, manifest);
    const registry = tls ? { insecureRegistries: [host] } : { plainHttp: true };
    await using distribution = await openDistribution({ root, registry });
    await distribution.push(`localhost/${name}`, { target: `${host}/${name}` });
    return layers.map(({ digest }) => digest);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
