import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { isDrayageError } from "../../src/errors/drayage-error.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../src/oci/parse-image-config.ts";
import { bytesOf } from "./documents.ts";

const DIFF_IDS = [digestOf("base"), digestOf("top")];

function configJson(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: DIFF_IDS }, ...overrides };
}

describe("parseImageConfig()", () => {
  it("reads platform and diff IDs and ignores the rest", () => {
    const config = configJson({
      variant: "v2",
      "os.version": "10.0.20348",
      "os.features": ["win32k"],
      created: "2026-01-01T00:00:00Z",
      config: { Cmd: ["sh"], Env: null },
      history: [{ created_by: "RUN true", empty_layer: true }],
    });
    expect(parseImageConfig(bytesOf(config))).toStrictEqual({
      platform: {
        os: "linux",
        architecture: "amd64",
        variant: "v2",
        osVersion: "10.0.20348",
        osFeatures: ["win32k"],
      },
      diffIds: DIFF_IDS,
    });
  });

  it.each([{ type: "layers", diff_ids: [] }, { type: "layers", diff_ids: null }, { type: "layers" }, {}])(
    "reads the rootfs %j of an image without layers",
    (rootfs) => {
      expect(parseImageConfig(bytesOf(configJson({ rootfs }))).diffIds).toEqual([]);
    },
  );

  it("reads the config of a docker image that names no platform", () => {
    const config = configJson({ os: undefined, architecture: undefined });
    expect(parseImageConfig(bytesOf(config)).platform).toStrictEqual({ os: "", architecture: "" });
  });

  it.each<[message: string, overrides: Record<string, unknown>]>([
    ["invalid rootfs in image configuration", { rootfs: undefined }],
    ["invalid rootfs in image configuration", { rootfs: null }],
    ["Invalid rootfs: got an array, wanted an object", { rootfs: [] }],
    ['Invalid rootfs.type: got "foo", wanted "layers"', { rootfs: { type: "foo", diff_ids: DIFF_IDS } }],
    ["Invalid rootfs.diff_ids[1]", { rootfs: { type: "layers", diff_ids: [DIFF_IDS[0], "x"] } }],
    ["wanted at most 4096", { rootfs: { type: "layers", diff_ids: Array(4097).fill(DIFF_IDS[0]) } }],
    ["Invalid os: got 1", { os: 1 }],
    ["Invalid architecture", { architecture: "a\nb" }],
    ['got key "Rootfs", wanted "rootfs"', { Rootfs: {} }],
    ['got key "OS", wanted "os"', { OS: "windows" }],
  ])("throws %j", (message, overrides) => {
    const parse = (): unknown => parseImageConfig(bytesOf(configJson(overrides)));
    expect(parse).toThrow(ErrInvalidArgument);
    expect(parse).toThrow(message);
  });

  it("accepts MAX_CONFIG_BYTES and refuses one more", () => {
    const text = JSON.stringify(configJson()).padEnd(MAX_CONFIG_BYTES);
    expect(parseImageConfig(bytesOf(text)).diffIds).toEqual(DIFF_IDS);
    expect(() => parseImageConfig(bytesOf(`${text} `))).toThrow("got 4194305 bytes");
  });

  it("throws nothing but typed errors", () => {
    const key = fc.constantFrom("os", "architecture", "variant", "os.version", "os.features", "rootfs");
    const rootfs = fc.record({ type: fc.jsonValue(), diff_ids: fc.jsonValue() });
    fc.assert(
      fc.property(fc.dictionary(key, fc.oneof(fc.jsonValue(), rootfs)), (document) => {
        try {
          expect(parseImageConfig(bytesOf(document))).toHaveProperty("diffIds");
        } catch (error) {
          if (!isDrayageError(error)) throw error;
        }
      }),
    );
  });
});
