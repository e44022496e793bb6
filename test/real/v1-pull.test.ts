import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Digest, digestOf, encodedOf } from "../../src/digest/digest.ts";
import { type BuiltV1Image, buildV1Image, TestRegistry } from "../../src/testing.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput } from "./support/drayage.ts";
import { runPart } from "./support/run-part.ts";
import { skopeo, skopeoCopy } from "./support/skopeo.ts";
import { type Stage, startStage } from "./support/stage.ts";

const LAYERS = [300_000, "empty", Buffer.from("hello from version 1\n"), "empty", 40_000] as const;

let stage: Stage;
let old: TestRegistry;

/** Pulls by the command line into a new root; gives the root, the name in it and the digest. */
async function pull(repository: string): Promise<{ root: string; name: string; digest: Digest }> {
  const root = await stage.newRoot();
  const name = `${old.host}/${repository}:1`;
  const options = ["-q", "--plain-http", "--v1-registry", old.host, "--root", root];
  const printed = await drayageOutput(["pull", ...options, name]);
  return { root, name, digest: printed.trim().slice(name.length + 1) as Digest };
}

describeReal("drayage pull of version 1", ["docker-registry", "skopeo", "umoci"], () => {
  beforeAll(async () => {
    stage = await startStage();
    old = await TestRegistry.start({ v1: { only: true, standalone: false } });
  });

  afterAll(async () => {
    await old.close();
    await stage.close();
  });

  it.each([false, true])("makes an image that skopeo and umoci read (gzip %s)", async (gzip) => {
    const repository = `team/app-${gzip}`;
    const image: BuiltV1Image = await buildV1Image(old, repository, { tag: "1", layers: LAYERS, gzip });
    const { root, name, digest } = await pull(repository);
    const full = image.layers.filter((_, at) => LAYERS[at] !== "empty");

    const inspected = JSON.parse((await skopeo(["inspect", `oci:${root}:${name}`])).stdout);
    expect(inspected).toMatchObject({
      Digest: digest,
      Os: "linux",
      Architecture: "amd64",
      Layers: full.map(({ bytes }) => digestOf(bytes)),
    });
    const { stdout } = await runPart("umoci", ["stat", "--json", "--image", `${root}:${name}`]);
    const { history } = JSON.parse(stdout) as {
      history: readonly { empty_layer: boolean; diff_id: string }[];
    };
    expect(history.map(({ empty_layer: isEmpty, diff_id: diffId }) => (isEmpty ? "empty" : diffId))).toEqual(
      image.layers.map(({ diffId }, at) => (LAYERS[at] === "empty" ? "empty" : diffId)),
    );
    for (const { bytes, diffId } of full) {
      const stored = await readFile(join(root, "blobs", "sha256", encodedOf(digestOf(bytes))));
      expect(digestOf(gzip ? gunzipSync(stored) : stored)).toBe(diffId);
    }
  });

  it("makes an image that others push, pull and unpack", async () => {
    await buildV1Image(old, "team/tools", { tag: "1", layers: LAYERS });
    const { root, name, digest } = await pull("team/tools");
    const copied = stage.nameOf("from-v1");
    expect(await skopeoCopy(`oci:${root}:${name}`, `docker://${copied}`)).toBe(digest);
    const bundle = join(await stage.newRoot(), "bundle");
    await runPart("umoci", ["raw", "unpack", "--rootless", "--image", `${root}:${name}`, bundle]);
    expect(await readFile(join(bundle, "layer-2"), "utf8")).toBe("hello from version 1\n");
  });
});
