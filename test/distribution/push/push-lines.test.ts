import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeBlob } from "../../../src/content.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { layerIdsOf, layerLines, preparingOnce } from "../../../src/distribution/push/push-lines.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from "../../../src/oci/media-types.ts";
import { message, type Progress, update } from "../../../src/progress/progress.ts";
import { type Engine, openEngine } from "../support/engine.ts";

let engine: Engine;

beforeEach(async () => {
  engine = await openEngine();
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});

async function put(value: unknown, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = digestOf(bytes);
  await writeBlob(engine.content, digest, bytes, { digest, size: bytes.byteLength });
  return { mediaType, digest, size: bytes.byteLength };
}

const LAYERS = ["one", "two"].map((text) => ({ mediaType: OCI_LAYER, digest: digestOf(text), size: 3 }));
const DIFF_IDS = ["plain one", "plain two"].map((text) => digestOf(text));

async function manifestOf(config: unknown, mediaType = OCI_CONFIG): Promise<Descriptor> {
  const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: await put(config, mediaType) };
  return await put({ ...document, layers: LAYERS }, OCI_MANIFEST);
}

const short = (digest: string): string => digest.slice(7, 19);
const platform = { os: "linux", architecture: "amd64" };

describe("layerIdsOf()", () => {
  const byBlob = LAYERS.map(({ digest }) => [short(digest), short(digest)]);
  const byContent = LAYERS.map(({ digest }, at) => [short(digest), short(DIFF_IDS[at] ?? "")]);

  it.each<[string, unknown, string, string[][]]>([
    ["content", { ...platform, rootfs: { type: "layers", diff_ids: DIFF_IDS } }, OCI_CONFIG, byContent],
    [
      "blob where the config names another number of layers",
      { ...platform, rootfs: { type: "layers", diff_ids: [] } },
      OCI_CONFIG,
      byBlob,
    ],
    ["blob where the config is malformed", { rootfs: 7 }, OCI_CONFIG, byBlob],
    ["blob where there is no image config", {}, "application/vnd.example.config.v1+json", byBlob],
  ])("shows layers by their %s", async (_, config, mediaType, expected) => {
    const ids = await layerIdsOf(await manifestOf(config, mediaType), engine.content);
    expect([...ids]).toEqual(expected);
  });

  it("finds the layers of every image of an index", async () => {
    const manifest = await manifestOf({ ...platform, rootfs: { type: "layers", diff_ids: DIFF_IDS } });
    const index = await put({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [manifest] }, OCI_INDEX);
    expect([...(await layerIdsOf(index, engine.content))]).toEqual(byContent);
  });

  it("leaves it to the push to refuse what is not there", async () => {
    const missing = { mediaType: OCI_MANIFEST, digest: digestOf("missing"), size: 7 };
    expect([...(await layerIdsOf(missing, engine.content))]).toEqual([]);
  });
});

describe("layerLines()", () => {
  it("gives layers their ids and leaves out what has no line", () => {
    const shown: Progress[] = [];
    const sink = layerLines(new Map([["blob", "layer"]]), (progress) => shown.push(progress));
    for (const progress of [
      update("blob", "Pushing", 1, 2),
      update("config", "Pushing", 1, 2),
      message("", "x"),
    ])
      sink(progress);
    expect(shown).toEqual([update("layer", "Pushing", 1, 2), message("", "x")]);
  });
});

describe("preparingOnce()", () => {
  it("says once for each layer that it is being prepared, however many endpoints are tried", () => {
    const actions: string[] = [];
    const sink = preparingOnce((item) => actions.push(item.kind === "update" ? item.action : item.message));
    for (const action of ["Preparing", "Waiting", "Preparing", "Waiting", "Pushed"]) {
      sink(update("layer", action, 0, 0));
    }
    expect(actions).toEqual(["Preparing", "Waiting", "Waiting", "Pushed"]);
  });
});
