import { describe, expect, it } from "vitest";
import type { CompleteImage } from "../../src/archive/complete-images.ts";
import { dockerList } from "../../src/archive/docker-list.ts";
import {
  DOCKER_CONFIG,
  DOCKER_FOREIGN_LAYER,
  IN_TOTO,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_LAYER_GZIP,
} from "../../src/oci/media-types.ts";
import { hostPlatform } from "../../src/platform/host-platform.ts";
import { named, platform } from "../images/support.ts";
import { pathOf } from "./support/image.ts";

const CONFIG = named("config", { mediaType: OCI_CONFIG });
const LAYER = named("layer", { mediaType: OCI_LAYER_GZIP });

/** An image for a platform, told by its config. */
function imageFor(text: string | undefined, parts: Partial<CompleteImage> = {}): CompleteImage {
  const manifest = named(`manifest ${text}`, text === undefined ? {} : { platform: platform(text) });
  return { manifest, config: named(`config ${text}`, { mediaType: OCI_CONFIG }), layers: [LAYER], ...parts };
}

/** The platform of the image that the list shows. */
function shown(images: readonly CompleteImage[], wanted?: string): string | undefined {
  const [entry] =
    dockerList("docker.io/library/app:1", images, wanted === undefined ? undefined : platform(wanted)) ?? [];
  const image = images.find(({ config }) => pathOf(config.digest) === entry?.Config);
  const found = image?.manifest.platform;
  return found && [found.os, found.architecture, found.variant].filter(Boolean).join("/");
}

describe("dockerList()", () => {
  it("says where config and layers are, from the base up, and docker's name for it", () => {
    const layers = [LAYER, named("second", { mediaType: OCI_LAYER_GZIP }), LAYER];
    expect(
      dockerList("docker.io/library/app:1", [imageFor(undefined, { config: CONFIG, layers })], undefined),
    ).toEqual([
      {
        Config: pathOf(CONFIG.digest),
        RepoTags: ["app:1"],
        Layers: layers.map(({ digest }) => pathOf(digest)),
      },
    ]);
  });

  it("gives no tag to an image that has a digest for its name", () => {
    const [entry] = dockerList(`quay.io/x/app@${CONFIG.digest}`, [imageFor(undefined)], undefined) ?? [];
    expect(entry?.RepoTags).toBeNull();
    const [tagged] = dockerList("quay.io/x/app:2", [imageFor(undefined)], undefined) ?? [];
    expect(tagged?.RepoTags).toEqual(["quay.io/x/app:2"]);
  });

  it("shows the best image for the platform, else for this machine, else the first", () => {
    const { architecture } = hostPlatform();
    const all = ["linux/s390x", "linux/arm/v6", "linux/arm/v7", `linux/${architecture}`].map((one) =>
      imageFor(one),
    );
    expect(shown(all, "linux/arm/v7")).toBe("linux/arm/v7");
    expect(shown(all.slice(0, 2), "linux/arm/v7")).toBe("linux/arm/v6");
    expect(shown(all)).toBe(`linux/${architecture}`);
    expect(shown(all.slice(0, 2).filter((one) => one !== undefined))).toBe("linux/s390x");
  });

  it("shows no attestation or other artifact, and nothing when there is nothing to load", () => {
    const attestation = imageFor("unknown/unknown", { layers: [named("statement", { mediaType: IN_TOTO })] });
    const artifact = imageFor(undefined, { config: named("{}", { mediaType: OCI_EMPTY }) });
    const foreign = imageFor("windows/amd64", {
      layers: [named("base", { mediaType: DOCKER_FOREIGN_LAYER })],
    });
    expect(dockerList("app:1", [attestation, artifact, foreign], undefined)).toBeUndefined();
    const docker = imageFor("linux/ppc64le", { config: named("docker", { mediaType: DOCKER_CONFIG }) });
    expect(shown([attestation, artifact, docker])).toBe("linux/ppc64le");
  });
});
