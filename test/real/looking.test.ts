import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Digest, encodedOf } from "../../src/digest/digest.ts";
import { type Distribution, openDistribution } from "../../src/index.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput } from "./support/drayage.ts";
import { type MadeImage, writeImage, writeIndex } from "./support/images.ts";
import { runPart } from "./support/run-part.ts";
import { skopeo, skopeoCopy } from "./support/skopeo.ts";
import { type Stage, startStage } from "./support/stage.ts";

const PLATFORMS = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm64" },
];

let stage: Stage;
let distribution: Distribution;
let images: readonly MadeImage[];
let index: Digest;
let name: string;
let repository: string;

async function start(): Promise<void> {
  stage = await startStage();
  const made: MadeImage[] = [];
  for (const [seed, platform] of PLATFORMS.entries()) {
    const layers = [{ bytes: 3_000, seed: "base" }, { bytes: 5_000 + seed }];
    made.push(await writeImage(stage.layout, { layers, platform }));
  }
  images = made;
  index = await stage.push("look/app", await writeIndex(stage.layout, images));
  name = stage.nameOf("look/app");
  repository = name.replace(/:v1$/, "");
  const root = await stage.newRoot();
  distribution = await openDistribution({ root, registry: { plainHttp: true } });
}

async function end(): Promise<void> {
  try {
    await distribution.close();
  } finally {
    await stage.close(); // also where the start failed, so that there is no distribution
  }
}

/** The manifest of the first platform. */
const first = (): MadeImage => images[0] ?? expect.unreachable("no image was made");

/** What skopeo says of the image. */
async function asked(...args: readonly string[]): Promise<string> {
  return (await skopeo(["inspect", "--tls-verify=false", ...args, `docker://${name}`])).stdout;
}

async function crane(...args: readonly string[]): Promise<string> {
  return (await runPart("crane", [...args, "--insecure"])).stdout.trimEnd();
}

describeReal("questions to a registry, and skopeo's", ["docker-registry", "skopeo"], () => {
  beforeAll(start);
  afterAll(end);

  it("have the same answers", async () => {
    const told = await distribution.inspect(name, { platform: "linux/amd64" });
    const skopeos = JSON.parse(await asked("--override-arch=amd64", "--override-os=linux"));
    expect(told).toMatchObject({
      target: { digest: index },
      kind: "image",
      platform: { os: skopeos.Os, architecture: skopeos.Architecture },
      platforms: ["linux/amd64", "linux/arm64"],
    });
    expect(told.layers.map(({ digest }) => digest)).toEqual(skopeos.Layers);
    expect(told.layers.map(({ diffId }) => diffId)).toEqual(first().diffIds);
    expect(await distribution.tags(repository)).toEqual(skopeos.RepoTags);
    expect((await distribution.resolve(name)).digest).toBe(index);
    const config = await asked("--config", "--raw", "--override-arch=amd64", "--override-os=linux");
    expect(Buffer.from(told.documents.config ?? Buffer.of()).toString()).toBe(config);
  });

  it("have the same documents, byte for byte", async () => {
    const raw = await drayageOutput([
      "inspect",
      "--raw",
      "--plain-http",
      "--root",
      await stage.newRoot(),
      name,
    ]);
    expect(raw).toBe(await asked("--raw"));
    const path = join(stage.layout, "blobs", "sha256", encodedOf(first().manifest.digest));
    const { documents } = await distribution.inspect(`${repository}@${first().manifest.digest}`);
    expect(Buffer.from(documents.target)).toEqual(await readFile(path));
  });

  it("end what it can delete, as skopeo sees it", async () => {
    const other = stage.nameOf("look/deleted");
    await skopeoCopy(`docker://${name}`, `docker://${other}`);
    await distribution.delete(`${other.replace(/:v1$/, "")}@${index}`);
    await expect(skopeo(["inspect", "--raw", "--tls-verify=false", `docker://${other}`])).rejects.toThrow();
  });

  describeReal("and the referrers of oras, at a registry without their API", ["oras"], () => {
    it("are those that were attached", async () => {
      const subject = `${repository}@${first().manifest.digest}`;
      const artifact = ["--artifact-type", "text/signature", "--annotation", "by=us"];
      await runPart("oras", ["attach", "--plain-http", ...artifact, subject]);
      const found = await distribution.referrers(subject);
      expect(found).toMatchObject([{ artifactType: "text/signature" }]);
      const signature = found[0]?.digest;
      expect(await distribution.referrers(subject, { artifactType: "text/bom" })).toEqual([]);
      const told = await distribution.inspect(`${repository}@${signature}`);
      expect(told).toMatchObject({ kind: "artifact", subject: { digest: first().manifest.digest } });
      expect(told.artifactType).toBe("text/signature");
    });
  });

  describeReal("and crane's", ["crane"], () => {
    it("have the same answers", async () => {
      expect((await distribution.resolve(name)).digest).toBe(await crane("digest", name));
      const { manifest, documents } = await distribution.inspect(name, { platform: "linux/arm64" });
      expect(manifest?.digest).toBe(await crane("digest", "--platform=linux/arm64", name));
      const config = await crane("config", "--platform=linux/arm64", name);
      expect(Buffer.from(documents.config ?? Buffer.of()).toString()).toBe(config);
      const tags = await drayageOutput(["tags", "--plain-http", "--root", await stage.newRoot(), repository]);
      expect(tags.trimEnd()).toBe(await crane("ls", repository));
    });
  });
});
