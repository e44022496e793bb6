import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { descriptorToJson } from "../../src/oci/descriptor-to-json.ts";
import { parseDescriptor } from "../../src/oci/parse-descriptor.ts";

const MINIMAL: Descriptor = { mediaType: "a/b", digest: digestOf("x"), size: 1 };

const FULL: Descriptor = {
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: digestOf("full"),
  size: Number.MAX_SAFE_INTEGER,
  urls: ["https://example.com/a"],
  annotations: { "org.example.a": "1", "": "" },
  data: "e30=",
  artifactType: "application/x",
  platform: {
    os: "windows",
    architecture: "amd64",
    variant: "v2",
    osVersion: "10.0.20348.1",
    osFeatures: ["win32k"],
  },
};

describe("descriptorToJson()", () => {
  it("writes the names of the wire in Go's order", () => {
    expect(JSON.stringify(descriptorToJson(FULL))).toBe(
      `{"mediaType":"${FULL.mediaType}","digest":"${FULL.digest}","size":9007199254740991,` +
        `"urls":["https://example.com/a"],"annotations":{"org.example.a":"1","":""},"data":"e30=",` +
        `"platform":{"architecture":"amd64","os":"windows","os.version":"10.0.20348.1","os.features":["win32k"],` +
        `"variant":"v2"},"artifactType":"application/x"}`,
    );
  });

  it("writes only the required fields of a minimal descriptor", () => {
    expect(Object.keys(descriptorToJson(MINIMAL))).toEqual(["mediaType", "digest", "size"]);
  });

  it("is read back as the same descriptor", () => {
    const token = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 });
    const platform = fc
      .record(
        { os: token, architecture: token, variant: token, osVersion: token },
        { requiredKeys: ["os", "architecture"], noNullPrototype: true },
      )
      .chain((p) => fc.constantFrom(p, { ...p, osFeatures: ["a", "b"] }));
    const descriptor = fc.record(
      {
        mediaType: token,
        digest: fc.string().map((text) => digestOf(text)),
        size: fc.maxSafeNat(),
        urls: fc.array(fc.string()),
        annotations: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
        data: fc.base64String({ minLength: 4 }),
        artifactType: token,
        platform,
      },
      { requiredKeys: ["mediaType", "digest", "size"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(descriptor, (descriptor) => {
        const text = JSON.stringify(descriptorToJson(descriptor));
        expect(parseDescriptor(JSON.parse(text), "d")).toStrictEqual(descriptor);
      }),
    );
  });
});
