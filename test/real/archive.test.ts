import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayage, drayageOutput } from "./support/drayage.ts";
import { type MadeImage, THREE_PLATFORMS, tagInLayout, writeImage, writeIndex } from "./support/images.ts";
import { reportPeakMemory } from "./support/peak-memory.ts";
import { runPart } from "./support/run-part.ts";
import { skopeo, skopeoCopy } from "./support/skopeo.ts";
import { storedBlobs } from "./support/stored-blobs.ts";

/** The most that an import or export may take at any time, in bytes of resident memory, whatever it moves. */
const PEAK_BYTES = 250_000_000;

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Imports into the root and returns the lines `<name>@<digest>`. */
async function importInto(root: string, ...args: readonly string[]): Promise<readonly string[]> {
  const output = await drayageOutput(["import", "-q", "--root", root, ...args]);
  return output.trimEnd().split("\n");
}

/** An archive of the image, made by drayage. */
async function exportOf(name: string, root: string, ...args: readonly string[]): Promise<string> {
  const archive = join(root, "export.tar");
  await drayageOutput(["export", "--root", root, name, archive, ...args]);
  return archive;
}

describeReal("drayage import and export", ["skopeo", "umoci"], () => {
  let folder: string;
  let layout: string;
  let image: MadeImage;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
    layout = join(folder, "layout");
    image = await writeImage(layout, {
      layers: [{ bytes: 300_000 }, { bytes: 5_000, compression: "none" }],
    });
    await tagInLayout(layout, "v1", image.manifest);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const newRoot = (): Promise<string> => mkdtemp(join(folder, "root-"));

  it("export what skopeo reads as an OCI archive, digest for digest", async () => {
    const root = await newRoot();
    await importInto(root, layout, "example.com/app");
    const archive = await exportOf("example.com/app:v1", root);
    for (const source of [`oci-archive:${archive}`, `oci-archive:${archive}:example.com/app:v1`]) {
      expect(await skopeoCopy(source, `dir:${await newRoot()}`)).toBe(image.manifest.digest);
    }
  });

  it("export what skopeo reads as docker reads it", async () => {
    const root = await newRoot();
    await importInto(root, layout, "example.com/app");
    const archive = await exportOf("example.com/app:v1", root);
    const { stdout } = await skopeo([
      "inspect",
      "--raw",
      "--config",
      `docker-archive:${archive}:example.com/app:v1`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ rootfs: { diff_ids: image.diffIds } });
    const copy = join(folder, "from-docker-archive");
    await skopeo(["copy", `docker-archive:${archive}`, `oci:${copy}:v1`]);
    const config = JSON.parse((await skopeo(["inspect", "--config", `oci:${copy}:v1`])).stdout);
    expect(config).toMatchObject({ rootfs: { diff_ids: image.diffIds } });
  });

  it("export an index with all its images, or one", async () => {
    const images: MadeImage[] = [];
    const multi = join(folder, "multi");
    for (const platform of THREE_PLATFORMS) {
      const layers = [{ bytes: 20_000, seed: platform.architecture }];
      images.push(await writeImage(multi, { platform, layers }));
    }
    const index = await writeIndex(multi, images);
    await tagInLayout(multi, "v1", index);
    const root = await newRoot();
    expect(await importInto(root, multi, "multi")).toEqual([`docker.io/library/multi:v1@${index.digest}`]);
    expect(
      await skopeoCopy(`oci-archive:${await exportOf("multi:v1", root)}`, `dir:${await newRoot()}`),
    ).toBe(index.digest);

    const one = await exportOf("multi:v1", root, "--platform", "linux/arm64");
    const arm = images[1];
    const { stdout } = await skopeo(["inspect", "--config", `docker-archive:${one}`]);
    expect(JSON.parse(stdout)).toMatchObject({ architecture: "arm64", rootfs: { diff_ids: arm?.diffIds } });
    const other = await newRoot();
    expect(await importInto(other, one)).toEqual([`docker.io/library/multi:v1@${index.digest}`]);
    expect(await storedBlobs(other)).toHaveLength(1 + 3);
  });

  it("import what skopeo writes as an OCI archive, digest for digest", async () => {
    const archive = join(folder, "skopeo-oci.tar");
    await skopeo(["copy", "--preserve-digests", `oci:${layout}:v1`, `oci-archive:${archive}:v9`]);
    const names = await importInto(await newRoot(), archive, "app");
    expect(names).toEqual([`docker.io/library/app:v9@${image.manifest.digest}`]);
  });

  it("import what skopeo writes as docker writes it, with the same config", async () => {
    const archive = join(folder, "skopeo-docker.tar");
    await skopeo(["copy", `oci:${layout}:v1`, `docker-archive:${archive}:example.com/app:v9`]);
    const root = await newRoot();
    const [name = ""] = await importInto(root, archive);
    expect(name).toMatch(/^example\.com\/app:v9@sha256:/);
    expect(await storedBlobs(root)).toEqual(expect.arrayContaining([image.config.digest, ...image.diffIds]));
    const copy = `docker-archive:${await exportOf("example.com/app:v9", root)}`;
    const { stdout } = await skopeo(["inspect", "--config", "--raw", copy]);
    expect(digestOf(stdout)).toBe(image.config.digest);
  });

  it("import a layout that umoci made, and export one that it unpacks from", async () => {
    const made = join(folder, "umoci");
    await runPart("umoci", ["init", "--layout", made]);
    await runPart("umoci", ["new", "--image", `${made}:fresh`]);
    await writeFile(join(folder, "hello"), "hello");
    await runPart("umoci", [
      "insert",
      "--rootless",
      "--image",
      `${made}:fresh`,
      join(folder, "hello"),
      "/hello",
    ]);
    const root = await newRoot();
    const [name = ""] = await importInto(root, made, "umoci");
    expect(name).toMatch(/^docker\.io\/library\/umoci:fresh@sha256:/);

    const copy = join(folder, "umoci-copy");
    await skopeo(["copy", `oci-archive:${await exportOf("umoci:fresh", root)}`, `oci:${copy}:back`]);
    const bundle = join(folder, "bundle");
    await runPart("umoci", ["unpack", "--rootless", "--image", `${copy}:back`, bundle]);
    expect(await readFile(join(bundle, "rootfs", "hello"), "utf8")).toBe("hello");
  });

  it("pass an image on through a pipe", async () => {
    const [from, to] = [await newRoot(), await newRoot()];
    await importInto(from, layout, "app");
    const node = ["--disable-warning=ExperimentalWarning", MAIN];
    const writer = spawn(process.execPath, [...node, "export", "--root", from, "app:v1", "-"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const reader = spawn(process.execPath, [...node, "import", "-q", "--root", to, "-"], {
      stdio: [writer.stdout, "ignore", "inherit"],
    });
    writer.stdout.destroy(); // the reader has it
    expect(await Promise.all([once(writer, "close"), once(reader, "close")])).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(await storedBlobs(to)).toEqual(await storedBlobs(from));
  });

  it("say in one line what is wrong", async () => {
    const root = await newRoot();
    expect(await drayage(["import", "--root", root, layout])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^drayage: import image .*only the tag "v1", wanted NAME\[:TAG\].*\n$/),
    });
    expect(await drayage(["export", "--root", root, "missing", join(root, "x.tar")])).toMatchObject({
      status: 1,
      stderr: "drayage: image docker.io/library/missing:latest: not found\n",
    });
  });

  it("take little memory, whatever they move", async () => {
    const big = join(folder, "big");
    const { manifest } = await writeImage(big, { layers: [{ bytes: 512 * 1024 ** 2, compression: "none" }] });
    await tagInLayout(big, "v1", manifest);
    const [root, other] = [await newRoot(), await newRoot()];
    const archive = join(root, "big.tar");
    const runs = [
      ["import", "-q", "--root", root, big, "big"],
      ["export", "--root", root, "big:v1", archive],
      ["import", "-q", "--root", other, archive],
    ];
    for (const args of runs) {
      const file = join(root, "peak-memory");
      await drayageOutput(args, reportPeakMemory(file));
      expect(Number(await readFile(file, "utf8"))).toBeLessThan(PEAK_BYTES);
    }
  }, 90_000);
});
