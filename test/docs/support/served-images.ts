import { buildImage, buildIndex, type TestRegistry } from "../../../src/testing.ts";

/** Repositories that the documents name: the placeholder's, and those that the shell blocks take from Docker Hub. */
const IMAGES = [
  ["team/app", "v1"],
  ["team/app", "v2"],
  ["library/alpine", "latest"],
  ["library/redis", "7"],
] as const;

/** Sizes of the layers, in bytes; the first one is common to all images. */
const LAYERS = [4_096, 300_000, 70_000];

/** Fills a registry with what the documents pull: indexes of two platforms, three layers each. */
export async function serveImages(registry: TestRegistry): Promise<void> {
  for (const [repository, tag] of IMAGES) {
    const platforms = [
      { os: "linux", architecture: "amd64" },
      { os: "linux", architecture: "arm64" },
    ];
    const images = await Promise.all(
      platforms.map((platform) =>
        buildImage(registry, repository, {
          platform,
          layers: [...LAYERS, Buffer.from(`${tag} ${platform.architecture}`)],
        }),
      ),
    );
    buildIndex(registry, repository, { tag, images });
  }
}
