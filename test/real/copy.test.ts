import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { describeReal } from "./support/describe-real.ts";
import { startDockerRegistry } from "./support/docker-registry.ts";
import { drayageOutput } from "./support/drayage.ts";
import { THREE_PLATFORMS, writeImage, writeIndex } from "./support/images.ts";
import { reportPeakMemory } from "./support/peak-memory.ts";
import { skopeo } from "./support/skopeo.ts";
import { type Stage, startStage } from "./support/stage.ts";

const MIB = 1024 ** 2;

/** Bytes of the layer whose copy is measured: a GiB where somebody asks for it. */
const LARGE_BYTES = Number(process.env["COPY_BYTES"] ?? 128 * MIB);

/** The most that a copy may take at any time, in bytes of resident memory, whatever it copies: here the command runs from its source. */
const PEAK_BYTES = 200_000_000;

describeReal("copy between two real registries", ["docker-registry", "skopeo"], () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await startStage();
  });

  afterAll(() => stage.close());

  it("brings an index with all its images, which skopeo finds whole", async () => {
    await using target = await startDockerRegistry();
    const images = [];
    for (const platform of THREE_PLATFORMS) {
      images.push(
        await writeImage(stage.layout, { platform, layers: [{ bytes: MIB, compression: "gzip" }] }),
      );
    }
    const digest = await stage.push("copy/index", await writeIndex(stage.layout, images));
    const root = await stage.newRoot();
    const name = `${target.host}/mirror/index:v1`;
    const args = ["copy", "-q", "--plain-http", "--root", root, stage.nameOf("copy/index"), name];
    expect(await drayageOutput(args)).toBe(`${name}@${digest}\n`);
    const folder = join(stage.folder, "pulled");
    await skopeo(["copy", "--all", "--src-tls-verify=false", `docker://${name}`, `dir:${folder}`]);
    expect(await readdir(join(root, "blobs")).catch(() => [])).toEqual([]);
  });

  it("has wrong bytes refused by a real registry, and sends it right ones then", async () => {
    await using target = await startDockerRegistry();
    await using source = await TestRegistry.start();
    const { layers, descriptor } = await buildImage(source, "team/app", { tag: "v1", layers: [MIB] });
    const digest = layers[0]?.descriptor.digest ?? "";
    source.fault({ kind: "blob", digest }, { corrupt: { offset: 5 } });
    const from = `${new URL(source.url).host}/team/app:v1`;
    const name = `${target.host}/team/app:v1`;
    const args = ["copy", "-q", "--plain-http", "--root", await stage.newRoot(), from, name];
    expect(await drayageOutput(args)).toBe(`${name}@${descriptor.digest}\n`);
    expect(
      source.requests.filter((request) => request.kind === "blob" && request.digest === digest),
    ).toHaveLength(2);
    await skopeo([
      "copy",
      "--src-tls-verify=false",
      `docker://${name}`,
      `dir:${join(stage.folder, "mended")}`,
    ]);
  });

  it("keeps its memory bounded, and sends each blob once", { timeout: 170_000 }, async () => {
    await using target = await startDockerRegistry();
    const layers = [{ bytes: LARGE_BYTES, compression: "none" as const }];
    const image = await writeImage(stage.layout, { layers });
    const digest = await stage.push("copy/large", image.manifest);
    const root = await stage.newRoot();
    const file = join(stage.folder, "peak-memory");
    const name = `${target.host}/mirror/large:v1`;
    const args = ["copy", "-q", "--plain-http", "--root", root, stage.nameOf("copy/large"), name];
    expect(await drayageOutput(args, reportPeakMemory(file))).toBe(`${name}@${digest}\n`);
    const peak = Number(await readFile(file, "utf8"));
    expect(peak).toBeGreaterThan(MIB); // it was measured
    expect(peak).toBeLessThan(PEAK_BYTES);
    const log = await stage.registry.accessLog();
    const gets = log.filter(({ method, path }) => method === "GET" && path.includes("/copy/large/blobs/"));
    expect(new Set(gets.map(({ path }) => path)).size).toBe(gets.length);
    expect(await readdir(join(root, "blobs")).catch(() => [])).toEqual([]);
  });
});
