import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { transferKey, transferSource } from "../../src/remotes/ref-key.ts";

const LAYER: Descriptor = {
  mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
  digest: digestOf("crane"),
  size: 5,
};
const SAME_BYTES: Descriptor = {
  ...LAYER,
  mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  annotations: { "org.opencontainers.image.ref.name": "crane" },
};

describe("transferKey()", () => {
  it("is the same for the same bytes, whatever type and name they are given", () => {
    expect(transferKey(SAME_BYTES)).toBe(transferKey(LAYER));
    expect(transferKey({ ...LAYER, digest: digestOf("winch") })).not.toBe(transferKey(LAYER));
  });
});

describe("transferSource()", () => {
  it("tells those apart who ask the same source for the same bytes by another type or size", () => {
    expect(transferSource("yard", SAME_BYTES)).not.toBe(transferSource("yard", LAYER));
    expect(transferSource("yard", { ...LAYER, size: 6 })).not.toBe(transferSource("yard", LAYER));
    expect(transferSource("yard", { ...LAYER, annotations: {} })).toBe(transferSource("yard", LAYER));
  });
});
