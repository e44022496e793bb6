import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { parseImageConfig } from "../../src/oci/parse-image-config.ts";
import { parseV1Image } from "../../src/oci/parse-v1-image.ts";
import { v1ImageConfig } from "../../src/oci/v1-image-config.ts";

const ID = "a".repeat(64);
const MAX = { maxBytes: 10_000 };

function parse(document: object, parent?: string) {
  return parseV1Image(Buffer.from(JSON.stringify({ id: ID, ...document })), { id: ID, parent, ...MAX });
}

describe("parseV1Image()", () => {
  it.each<[string, object, object]>([
    ["nothing", {}, {}],
    ["a command", { container_config: { Cmd: ["sh", "-c", "make"] } }, { created_by: "sh -c make" }],
    ["a command that is none", { container_config: { Cmd: "make" } }, {}],
    [
      "who and when",
      { created: "2014-01-01T00:00:00.5Z", author: "me", comment: "done" },
      { created: "2014-01-01T00:00:00.5Z", author: "me", comment: "done" },
    ],
    [
      "a time with an offset",
      { created: "2014-01-01T00:00:00+02:00" },
      { created: "2014-01-01T00:00:00+02:00" },
    ],
    ["a time that is none", { created: "2014-01-01" }, {}],
    ["null", { author: null, container_config: null, config: null }, {}],
  ])("reads the history: %s", (_, document, history) => {
    expect(parse(document).history).toEqual(history);
  });

  it.each<[string, object, string | undefined]>([
    ["the document of another image", { id: "b" }, undefined],
    ["a parent that should not be", { parent: "b" }, undefined],
    ["another parent", { parent: "b" }, "c"],
    ["no parent", {}, "c"],
    ["an author that is no text", { author: 7 }, undefined],
    ["a config that is no object", { config: [] }, undefined],
    ["keys in another spelling", { Parent: "c" }, "c"],
    ["keys that a reader in Go takes for others", { RootFS: {} }, undefined],
  ])("refuses %s", (_, document, parent) => {
    expect(() => parse(document, parent)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  });
});

describe("v1ImageConfig()", () => {
  const diffId = digestOf("layer");

  it("keeps what the document says, but for what version 1 alone knows", () => {
    const top = {
      id: ID,
      parent: "b",
      Size: 5,
      parent_id: "b",
      layer_id: "c",
      throwaway: true,
      rootfs: { type: "layers", diff_ids: ["nonsense"] },
      history: "nonsense",
      created: "2014-01-01T00:00:00Z",
      os: "windows",
      architecture: "arm64",
      variant: "v8",
      config: { Env: ["A=1"] },
      __proto__: { polluted: true },
    };
    const steps = [
      { history: { created_by: "FROM" }, diffId },
      { history: {}, diffId: undefined },
    ];
    const bytes = v1ImageConfig(top, steps);
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
      created: "2014-01-01T00:00:00Z",
      os: "windows",
      architecture: "arm64",
      variant: "v8",
      config: { Env: ["A=1"] },
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created_by: "FROM" }, { empty_layer: true }],
    });
    expect(parseImageConfig(bytes)).toEqual({
      platform: { os: "windows", architecture: "arm64", variant: "v8" },
      diffIds: [diffId],
    });
  });

  it("says what docker ran on where the document does not", () => {
    const config = JSON.parse(
      Buffer.from(v1ImageConfig({ architecture: "", created: "soon" }, [])).toString(),
    );
    expect(config).toEqual({
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [] },
      history: [],
    });
  });

  it("is never longer than a config may be", () => {
    const history = { comment: "x".repeat(1_000_000) };
    const steps = Array.from({ length: 5 }, () => ({ history, diffId }));
    expect(() => v1ImageConfig({}, steps)).toThrow(
      expect.objectContaining({ code: "ERR_FAILED_PRECONDITION" }),
    );
  });
});
