import { digestOf } from "../../src/digest/digest.ts";
import { DOCKER_CONFIG, DOCKER_LAYER_GZIP, OCI_MANIFEST } from "../../src/oci/media-types.ts";

/** The bytes of a JSON document; text is taken as it is. */
export function bytesOf(document: unknown): Uint8Array {
  return Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
}

/** A descriptor as it stands in a document. */
export function descriptorJson(
  seed: string,
  overrides: Record<string, unknown> = {},
): Record<string, unknown> {
  return { mediaType: DOCKER_LAYER_GZIP, digest: digestOf(seed), size: 1000, ...overrides };
}

/** A complete image manifest without `mediaType`. */
export function manifestJson(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schemaVersion: 2,
    config: descriptorJson("config", { mediaType: DOCKER_CONFIG }),
    layers: [descriptorJson("base"), descriptorJson("top")],
    ...overrides,
  };
}

/** A complete image index without `mediaType`. */
export function indexJson(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schemaVersion: 2,
    manifests: [
      descriptorJson("amd64", { mediaType: OCI_MANIFEST, platform: { os: "linux", architecture: "amd64" } }),
      descriptorJson("arm", {
        mediaType: OCI_MANIFEST,
        platform: { os: "linux", architecture: "arm", variant: "v7" },
      }),
    ],
    ...overrides,
  };
}
