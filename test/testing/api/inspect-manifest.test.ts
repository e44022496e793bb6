import { describe, expect, it } from "vitest";
import { inspectManifest } from "../../../src/testing/api/inspect-manifest.ts";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const inspect = (document: unknown) => inspectManifest(Buffer.from(JSON.stringify(document)));

describe("inspectManifest()", () => {
  it("lists config, layers and subject of an image manifest", () => {
    const facts = inspect({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/config", digest: digest("a") },
      layers: [{ digest: digest("b") }, { digest: digest("c"), urls: ["https://elsewhere"] }],
      subject: { digest: digest("d") },
      annotations: { kept: "yes", dropped: 1 },
    });
    expect(facts).toEqual({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      blobs: [digest("a"), digest("b")],
      manifests: [],
      subject: digest("d"),
      configType: "application/config",
      artifactType: "application/config",
      annotations: { kept: "yes" },
    });
  });

  it("prefers artifactType over the media type of the config", () => {
    const facts = inspect({ schemaVersion: 2, artifactType: "x/y", config: { mediaType: "a/b" } });
    expect(facts?.artifactType).toBe("x/y");
  });

  it("lists the manifests of an index", () => {
    const facts = inspect({ schemaVersion: 2, manifests: [{ digest: digest("a") }, { digest: "bad" }, 7] });
    expect(facts).toMatchObject({ blobs: [], manifests: [digest("a")], subject: undefined });
  });

  it.each([[{ schemaVersion: 1 }], [[]], ["text"], [null], [{}]])(
    "does not take %j for a manifest",
    (document) => {
      expect(inspect(document)).toBeUndefined();
    },
  );

  it.each([["{"], [""], [Buffer.from([0xff])]])(
    "does not take bytes that are not JSON for a manifest",
    (bytes) => {
      expect(inspectManifest(Buffer.from(bytes))).toBeUndefined();
    },
  );
});
