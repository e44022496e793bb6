import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrInvalidArgument, ErrNotImplemented } from "../../src/errors/classes.ts";
import { isDrayageError } from "../../src/errors/drayage-error.ts";
import { DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import {
  childrenOf,
  MAX_CHILDREN,
  MAX_MANIFEST_BYTES,
  parseIndex,
  parseManifest,
} from "../../src/oci/parse-document.ts";
import { bytesOf, descriptorJson, indexJson, manifestJson } from "./documents.ts";

describe("parseManifest()", () => {
  it.each([DOCKER_MANIFEST, OCI_MANIFEST])("reads a %s", (mediaType) => {
    const subject = descriptorJson("subject");
    const extra = { artifactType: "application/x", annotations: { a: "b" }, subject, unknown: 1 };
    const manifest = parseManifest(bytesOf(manifestJson({ mediaType, ...extra })), mediaType);
    expect(manifest).toMatchObject({
      kind: "manifest",
      mediaType,
      artifactType: "application/x",
      annotations: { a: "b" },
      subject: { digest: digestOf("subject") },
      config: { digest: digestOf("config") },
      layers: [{ digest: digestOf("base") }, { digest: digestOf("top") }],
    });
    expect(manifest).not.toHaveProperty("unknown");
  });

  it("needs no mediaType and no schemaVersion in the document", () => {
    const { schemaVersion: _, ...document } = manifestJson();
    expect(parseManifest(bytesOf(document), OCI_MANIFEST).layers).toHaveLength(2);
  });

  it("takes null for a list without layers", () => {
    expect(parseManifest(bytesOf(manifestJson({ layers: null })), OCI_MANIFEST).layers).toEqual([]);
  });

  it.each<[message: string, overrides: Record<string, unknown>]>([
    ["Invalid config: got nothing, wanted an object", { config: undefined }],
    ["Invalid config: got nothing, wanted an object", { config: null }],
    ["Invalid config.digest", { config: descriptorJson("config", { digest: "x" }) }],
    ["Invalid layers: got nothing, wanted an array", { layers: undefined }],
    ["Invalid layers: got an object, wanted an array", { layers: {} }],
    [
      "Invalid layers[1].size: got -5, wanted a whole number of bytes",
      { layers: [descriptorJson("a"), descriptorJson("b", { size: -5 })] },
    ],
    ["Invalid schemaVersion: got 3, wanted 2", { schemaVersion: 3 }],
    ['Invalid schemaVersion: got "2", wanted 2', { schemaVersion: "2" }],
    ["Invalid subject.mediaType", { subject: {} }],
    ["Invalid annotations", { annotations: [] }],
    ["Invalid artifactType", { artifactType: 1 }],
  ])("throws %j", (message, overrides) => {
    const parse = (): unknown => parseManifest(bytesOf(manifestJson(overrides)), OCI_MANIFEST);
    expect(parse).toThrow(ErrInvalidArgument);
    expect(parse).toThrow(message);
  });

  it("refuses the bytes of an index, whatever they were described as", () => {
    expect(() => parseManifest(bytesOf(indexJson()), OCI_MANIFEST)).toThrow(
      "expected manifest but found index ()",
    );
    expect(() => parseManifest(bytesOf(indexJson()), OCI_INDEX)).toThrow("expected manifest but found index");
  });

  it("refuses a document that is both", () => {
    const both = bytesOf({ ...manifestJson(), ...indexJson() });
    expect(() => parseManifest(both, OCI_MANIFEST)).toThrow("expected manifest but found index ()");
    expect(() => parseIndex(both, OCI_INDEX)).toThrow("expected index but found manifest ()");
  });

  it("refuses schema 1", () => {
    const document = {
      schemaVersion: 1,
      name: "library/x",
      tag: "1",
      fsLayers: [],
      history: [],
      signatures: [],
    };
    const parse = (): unknown => parseManifest(bytesOf(document), DOCKER_MANIFEST);
    expect(parse).toThrow(ErrNotImplemented);
    expect(parse).toThrow("media-type: schema 1 not supported");
  });

  it.each(["Manifests", "FSLAYERS", "mediatype", "Layers", "layer\u017F", "schemaversion", "Subject"])(
    "refuses the key %s, which other readers may take for one of the format",
    (key) => {
      expect(() => parseManifest(bytesOf(manifestJson({ [key]: [] })), OCI_MANIFEST)).toThrow(
        `got key ${JSON.stringify(key)}, wanted`,
      );
    },
  );

  it("refuses layers that come twice", () => {
    const text = JSON.stringify(manifestJson()).replace(/}$/, ',"layers":[]}');
    expect(() => parseManifest(bytesOf(text), OCI_MANIFEST)).toThrow('got key "layers" twice');
  });

  it.each([
    [
      "a digest beside another",
      '"digest":',
      '"Digest":"sha256:0","digest":',
      'got key "Digest", wanted "digest"',
    ],
    ["a digest twice", '"digest":', '"digest":"sha256:0","digest":', 'got key "digest" twice'],
    ["a size in capitals", '"size":', '"SIZE":9,"size":', 'got key "SIZE", wanted "size"'],
    ["two data fields", '"digest":', '"data":"","data":"QQ==","digest":', 'got key "data" twice'],
  ])("refuses a descriptor with %s", (_, found, replaced, message) => {
    for (const document of [manifestJson(), manifestJson({ subject: descriptorJson("s"), layers: [] })]) {
      const text = JSON.stringify(document);
      const at = text.lastIndexOf(found);
      const odd = text.slice(0, at) + replaced + text.slice(at + found.length);
      expect(() => parseManifest(bytesOf(odd), OCI_MANIFEST)).toThrow(message);
    }
  });

  it("lets annotations be named as they like", () => {
    const annotations = { digest: "a", Digest: "b", layers: "c", Layers: "d" };
    const layers = [descriptorJson("x", { annotations })];
    const parsed = parseManifest(bytesOf(manifestJson({ annotations, layers })), OCI_MANIFEST);
    expect(parsed.annotations).toEqual(annotations);
    expect(parsed.layers[0]?.annotations).toEqual(annotations);
  });

  it("refuses trailing data", () => {
    const text = JSON.stringify(manifestJson());
    expect(() => parseManifest(bytesOf(`${text}${text}`), OCI_MANIFEST)).toThrow(ErrInvalidArgument);
  });

  it("accepts MAX_CHILDREN layers and refuses one more", () => {
    const layers = Array(MAX_CHILDREN).fill(descriptorJson("x"));
    expect(parseManifest(bytesOf(manifestJson({ layers })), OCI_MANIFEST).layers).toHaveLength(MAX_CHILDREN);
    expect(() => parseManifest(bytesOf(manifestJson({ layers: [...layers, 1] })), OCI_MANIFEST)).toThrow(
      "Invalid layers: got 4097 elements, wanted at most 4096",
    );
  });

  it("accepts MAX_MANIFEST_BYTES and refuses one more", () => {
    const text = JSON.stringify(manifestJson()).padEnd(MAX_MANIFEST_BYTES);
    expect(parseManifest(bytesOf(text), OCI_MANIFEST).layers).toHaveLength(2);
    expect(() => parseManifest(bytesOf(`${text} `), OCI_MANIFEST)).toThrow(
      "Cannot parse manifest: got 4393217 bytes, wanted at most 4393216",
    );
  });
});

describe("parseIndex()", () => {
  it("refuses an entry with two platforms", () => {
    const text = JSON.stringify(indexJson()).replace('"platform":', '"Platform":{},"platform":');
    expect(() => parseIndex(bytesOf(text), OCI_INDEX)).toThrow('got key "Platform", wanted "platform"');
    const inner = JSON.stringify(indexJson()).replace('"os":', '"OS":"windows","os":');
    expect(() => parseIndex(bytesOf(inner), OCI_INDEX)).toThrow('got key "OS", wanted "os"');
  });

  it.each([DOCKER_MANIFEST_LIST, OCI_INDEX])("reads a %s", (mediaType) => {
    const index = parseIndex(bytesOf(indexJson({ mediaType })), mediaType);
    expect(index).toMatchObject({
      kind: "index",
      mediaType,
      manifests: [
        { digest: digestOf("amd64"), platform: { os: "linux", architecture: "amd64" } },
        { digest: digestOf("arm"), platform: { os: "linux", architecture: "arm", variant: "v7" } },
      ],
    });
  });

  it("keeps entries that it does not understand", () => {
    const manifests = [
      descriptorJson("nested", { mediaType: OCI_INDEX }),
      descriptorJson("x", { mediaType: "x/y" }),
    ];
    const index = parseIndex(bytesOf(indexJson({ manifests })), OCI_INDEX);
    expect(index.manifests.map(({ mediaType }) => mediaType)).toEqual([OCI_INDEX, "x/y"]);
  });

  it("takes null for a list without manifests, but not a list that is missing", () => {
    expect(parseIndex(bytesOf({ manifests: null }), OCI_INDEX).manifests).toEqual([]);
    expect(() => parseIndex(bytesOf({ errors: [] }), OCI_INDEX)).toThrow("Invalid manifests: got nothing");
  });

  it("refuses the bytes of a manifest, whatever they were described as", () => {
    expect(() => parseIndex(bytesOf(manifestJson()), OCI_INDEX)).toThrow(
      "expected index but found manifest ()",
    );
    expect(() => parseIndex(bytesOf(manifestJson()), OCI_MANIFEST)).toThrow(
      "expected index but found manifest",
    );
  });

  it("refuses an index of 10,000 small entries", () => {
    const manifests = Array.from({ length: 10_000 }, (_, index) => descriptorJson(`${index}`));
    expect(() => parseIndex(bytesOf(indexJson({ manifests })), OCI_INDEX)).toThrow(
      "Invalid manifests: got 10000 elements, wanted at most 4096",
    );
  });

  it("takes other limits from those who know what they read", () => {
    const bytes = bytesOf(indexJson());
    expect(() => parseIndex(bytes, OCI_INDEX, { maxChildren: 1 })).toThrow("wanted at most 1");
    expect(() => parseIndex(bytes, OCI_INDEX, { maxBytes: 10 })).toThrow("wanted at most 10");
    const manifests = Array(MAX_CHILDREN + 1).fill(descriptorJson("x"));
    const big = parseIndex(bytesOf({ manifests }), OCI_INDEX, { maxChildren: 10_000 });
    expect(big.manifests).toHaveLength(MAX_CHILDREN + 1);
  });
});

describe("childrenOf()", () => {
  it("gives the config, then the layers of a manifest, and never the subject", () => {
    const manifest = parseManifest(
      bytesOf(manifestJson({ subject: descriptorJson("subject") })),
      OCI_MANIFEST,
    );
    expect(childrenOf(manifest).map(({ digest }) => digest)).toEqual(
      ["config", "base", "top"].map((text) => digestOf(text)),
    );
  });

  it("gives the manifests of an index in order", () => {
    const index = parseIndex(bytesOf(indexJson({ subject: descriptorJson("subject") })), OCI_INDEX);
    expect(childrenOf(index).map(({ digest }) => digest)).toEqual(
      ["amd64", "arm"].map((text) => digestOf(text)),
    );
  });
});

describe.each([
  ["parseManifest()", (bytes: Uint8Array) => parseManifest(bytes, OCI_MANIFEST)],
  ["parseIndex()", (bytes: Uint8Array) => parseIndex(bytes, OCI_INDEX)],
])("%s on hostile input", (_name, parse) => {
  const key = fc.constantFrom(
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "subject",
  );
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constant(2),
    fc.constantFrom(OCI_MANIFEST, OCI_INDEX),
    fc.constant(descriptorJson("x")),
    fc.array(fc.oneof(fc.constant(descriptorJson("x")), fc.jsonValue())),
  );

  it("throws nothing but typed errors for documents that look the part", () => {
    fc.assert(
      fc.property(fc.dictionary(key, value), (document) => {
        expectTyped(() => parse(bytesOf(document)));
      }),
      { numRuns: 500 },
    );
  });

  it("throws nothing but typed errors for random bytes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytesOf)), (bytes) => {
        expectTyped(() => parse(bytes));
      }),
    );
  });

  // Anything quadratic in these would run into the timeout by hours.
  it.each<[name: string, open: string, unit: string]>([
    ["open arrays", "", "["],
    ["open objects", "", '{"a":'],
    ["deep keys", '{"manifests":', '{"manifests":'],
    ["keys", "{", '"":0,'],
    ["distinct-looking keys", "{", '"\\u006dAnifestz":0,'],
    ["empty objects", '{"layers":[', "{},"],
    ["empty arrays", '{"manifests":[', "[],"],
    ["one endless string", '{"', "a"],
    ["one endless string of escapes", '{"', "\\\\"],
    ["escaped quotes", '{"', '\\"'],
    ["quotes", "{", '"'],
    ["white space behind strings", "{", '"a"        '],
    ["one endless gap", '{"a"', " "],
    ["one endless number", '{"size":', "9"],
    ["closing braces", "", "}"],
    ["colons", '{"a"', ":"],
    ["wide characters", '{"', "\u{1F40B}"],
  ])("refuses 4 MiB of %s without delay", (_case, open, unit) => {
    const bytes = bytesOf(
      open + unit.repeat(Math.floor((MAX_MANIFEST_BYTES - open.length) / Buffer.byteLength(unit))),
    );
    expect(bytes.length).toBeGreaterThan(MAX_MANIFEST_BYTES - 32);
    expect(() => parse(bytes)).toThrow(ErrInvalidArgument);
  });
});

function expectTyped(run: () => unknown): void {
  try {
    expect(run()).toHaveProperty("kind");
  } catch (error) {
    if (!isDrayageError(error)) throw error;
  }
}
