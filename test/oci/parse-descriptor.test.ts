import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { isDrayageError } from "../../src/errors/drayage-error.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { parseDescriptor } from "../../src/oci/parse-descriptor.ts";
import { descriptorJson } from "./documents.ts";

const MINIMAL = { mediaType: "a/b", digest: digestOf("x"), size: 1 };

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

describe("parseDescriptor()", () => {
  it("reads every field by its name on the wire", () => {
    const json = {
      ...FULL,
      platform: {
        os: "windows",
        architecture: "amd64",
        variant: "v2",
        "os.version": "10.0.20348.1",
        "os.features": ["win32k"],
        features: ["ignored"],
      },
      unknown: { nested: true },
    };
    expect(parseDescriptor(json, "config")).toStrictEqual(FULL);
  });

  it.each(["sha256", "sha384", "sha512"] as const)("accepts a %s digest", (algorithm) => {
    const digest = digestOf("x", algorithm);
    expect(parseDescriptor({ ...MINIMAL, digest }, "d").digest).toBe(digest);
  });

  it.each(["urls", "annotations", "data", "artifactType", "platform"])(
    "takes null for an absent %s",
    (key) => {
      expect(parseDescriptor({ ...MINIMAL, [key]: null }, "d")).toStrictEqual(MINIMAL);
    },
  );

  it("leaves out the empty parts of a platform, and knows that artifacts have no OS", () => {
    const platform = { os: "", variant: "", "os.version": "", "os.features": [] };
    expect(parseDescriptor({ ...MINIMAL, platform }, "d").platform).toStrictEqual({
      os: "",
      architecture: "",
    });
  });

  it("makes -0 bytes 0 bytes", () => {
    expect(parseDescriptor({ ...MINIMAL, size: -0 }, "d").size).toBe(0);
  });

  it.each<[message: string, overrides: Record<string, unknown>]>([
    ['Invalid layers[3].digest "sha256:abc": invalid checksum digest length', { digest: "sha256:abc" }],
    ["Invalid layers[3].digest", { digest: `sha256:${"A".repeat(64)}` }],
    ["Invalid layers[3].digest", { digest: `sha256:../../${"a".repeat(58)}` }],
    ["unsupported digest algorithm", { digest: `md5:${"a".repeat(32)}` }],
    ["Invalid layers[3].digest: got 1, wanted a string", { digest: 1 }],
    ["Invalid layers[3].digest: got nothing, wanted a string", { digest: undefined }],
    ["Invalid layers[3].size: got -1, wanted a whole number of bytes", { size: -1 }],
    ["Invalid layers[3].size: got 1.5", { size: 1.5 }],
    ["Invalid layers[3].size: got 9007199254740992", { size: 2 ** 53 }],
    ["Invalid layers[3].size: got Infinity", { size: Number.POSITIVE_INFINITY }],
    ['Invalid layers[3].size: got "5"', { size: "5" }],
    ["Invalid layers[3].size: got nothing", { size: null }],
    ["Invalid layers[3].mediaType: got nothing", { mediaType: undefined }],
    ['Invalid layers[3].mediaType: got ""', { mediaType: "" }],
    ["Invalid layers[3].mediaType", { mediaType: "a/b\r\nX-Header: 1" }],
    ["Invalid layers[3].mediaType", { mediaType: "a/b\u001b[2J" }],
    ["Invalid layers[3].mediaType", { mediaType: "a".repeat(256) }],
    ["Invalid layers[3].urls: got an object, wanted an array", { urls: {} }],
    ["Invalid layers[3].urls[1]: got true, wanted a string", { urls: ["a", true] }],
    ["Invalid layers[3].urls: got 257 elements, wanted at most 256", { urls: Array(257).fill("a") }],
    ["Invalid layers[3].annotations: got an array, wanted an object", { annotations: [] }],
    ['Invalid layers[3].annotations["k"]: got 1, wanted a string', { annotations: { k: 1 } }],
    ["Invalid layers[3].data", { data: [] }],
    ["Invalid layers[3].artifactType", { artifactType: 7 }],
    ["Invalid layers[3].platform: got an array", { platform: [] }],
    ["Invalid layers[3].platform.os: got 1", { platform: { os: 1 } }],
    ["Invalid layers[3].platform.os.version", { platform: { "os.version": "\n" } }],
    ["Invalid layers[3].platform.os.features[0]", { platform: { "os.features": [1] } }],
  ])("throws %j for %j", (message, overrides) => {
    const parse = (): unknown => parseDescriptor(descriptorJson("x", overrides), "layers[3]");
    expect(parse).toThrow(ErrInvalidArgument);
    expect(parse).toThrow(message);
  });

  it.each([[undefined], [null], ["text"], [1], [true], [[]]])("refuses %j in place of an object", (value) => {
    expect(() => parseDescriptor(value, "config")).toThrow("Invalid config: got ");
  });

  it("keeps a wrong value short in the message", () => {
    const digest = "x".repeat(100_000);
    expect(() => parseDescriptor({ ...MINIMAL, digest }, "d")).toThrow(/^.{1,200}$/);
  });

  it("never pollutes a prototype", () => {
    const text = `{"mediaType":"a/b","digest":"${MINIMAL.digest}","size":1,"annotations":{"__proto__":"x"},"__proto__":{"urls":["y"]}}`;
    const descriptor = parseDescriptor(JSON.parse(text), "d");
    expect(Object.keys(descriptor.annotations ?? {})).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(descriptor.annotations)).toBe(Object.prototype);
    expect(descriptor.urls).toBeUndefined();
  });

  it("throws nothing but typed errors, whatever it is given", () => {
    const value = fc.oneof(fc.jsonValue(), fc.constant(MINIMAL.digest), fc.maxSafeInteger());
    const shape = fc.record(
      {
        mediaType: value,
        digest: value,
        size: value,
        urls: value,
        annotations: value,
        platform: fc.oneof(value, fc.record({ os: value, architecture: value, "os.features": value })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(shape, (json) => {
        try {
          parseDescriptor(json, "d");
        } catch (error) {
          if (!isDrayageError(error)) throw error;
        }
      }),
    );
  });
});
