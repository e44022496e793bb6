import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ErrCanceled, ErrInvalidArgument, ErrNoSupport, ErrPermissionDenied } from "../../src/errors.ts";
import type { DistributionOptions, ImageToVerify, VerifyImage } from "../../src/index.ts";
import { MAX_CONFIG_BYTES } from "../../src/oci/parse-image-config.ts";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { pushSite } from "./support/push-site.ts";
import { gets } from "./support/requests.ts";
import { until } from "./support/until.ts";
import { v1Server } from "./support/v1-server.ts";

const keep = closingAfterEach();
const PLATFORMS = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));

const refuse: VerifyImage = () => {
  throw new Error("not signed");
};

const allow: VerifyImage = () => true;

async function started(): Promise<TestRegistry> {
  const registry = await TestRegistry.start();
  keep({ [Symbol.asyncDispose]: () => registry.close() });
  return registry;
}

async function opened(options: Partial<DistributionOptions> = {}): Promise<Engine> {
  return keep(await openEngine(options));
}

/** Gives the image `app:v1` another tag. */
function tagAsWell(registry: TestRegistry, tag: string): void {
  const { bytes, mediaType } = registry.manifest("app", "v1") ?? {};
  if (bytes && mediaType) registry.putManifest("app", tag, bytes, mediaType);
}

/** Nothing has a name, and nothing is left of what was refused. */
async function expectNothingLeft({ root, content }: Engine): Promise<void> {
  expect(await namesOn(root)).toEqual([]);
  await until(async () => (await blobsOn(root)).length === 0);
  expect(await content.listStatuses()).toEqual([]);
}

describe("verify of a pull", () => {
  it("is told what the documents say, before any layer is asked for", async () => {
    const registry = await started();
    const image = await buildImage(registry, "app", { tag: "v1", layers: [2_000, 3_000] });
    const told: ImageToVerify[] = [];
    let layersAsked = 0;
    const verify: VerifyImage = async (about) => {
      told.push(about);
      await new Promise(setImmediate);
      for (const { descriptor } of image.layers) layersAsked += gets(registry, descriptor.digest).length;
    };
    const engine = await opened({ verify });
    const { digest } = await engine.pull(`${registry.host}/app:v1`);
    expect(layersAsked).toBe(0);
    const layers = image.layers.map(({ descriptor }) =>
      expect.objectContaining({ digest: descriptor.digest }),
    );
    expect(told).toMatchObject([
      {
        purpose: "pull",
        reference: `${registry.host}/app:v1`,
        endpoint: registry.url,
        target: { digest },
        manifests: [
          {
            manifest: { digest },
            config: { digest: image.config.digest },
            layers,
            kind: "image",
            platform: { os: "linux" },
            configuration: { os: "linux" },
          },
        ],
      },
    ]);
    expect(told[0]?.manifests[0]?.diffIds).toHaveLength(2);
  });

  it("refuses with a typed error: no layer was asked for, nothing is named, nothing is left", async () => {
    const registry = await started();
    const image = await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const engine = await opened({ verify: refuse });
    const failure = await failureOf(engine.pull(`${registry.host}/app:v1`));
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(failure).toMatchObject({
      code: "ERR_PERMISSION_DENIED",
      message: `verify image ${registry.host}/app:v1: refused: not signed`,
      reference: `${registry.host}/app:v1`,
      digest: image.descriptor.digest,
      cause: { message: "not signed" },
    });
    expect(failure).not.toHaveProperty("endpoint");
    expect(image.layers.flatMap(({ descriptor }) => gets(registry, descriptor.digest))).toEqual([]);
    await expectNothingLeft(engine);
  });

  it.each([false, Promise.resolve(false)])("takes %o for a refusal", async (word) => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const engine = await opened();
    const failure = await failureOf(engine.pull(`${registry.host}/app:v1`, { verify: () => word }));
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
  });

  it("asks engine and call: neither can allow what the other refuses", async () => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    for (const [ofEngine, ofCall] of [
      [refuse, allow],
      [allow, refuse],
    ]) {
      const engine = await opened({ verify: ofEngine });
      const failure = await failureOf(engine.pull(`${registry.host}/app:v1`, { verify: ofCall }));
      expect(failure).toBeInstanceOf(ErrPermissionDenied);
      await expectNothingLeft(engine);
    }
  });

  it("is asked about what is here already, and takes nothing away from others then", async () => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const engine = await opened();
    await engine.pull(`${registry.host}/app:v1`);
    const before = await blobsOn(engine.root);
    tagAsWell(registry, "v2");
    for (const tag of ["v1", "v2"]) {
      const failure = await failureOf(engine.pull(`${registry.host}/app:${tag}`, { verify: refuse }));
      expect(failure).toBeInstanceOf(ErrPermissionDenied);
    }
    await engine.prune(); // all work has ended, and what was given up would be gone
    expect(await namesOn(engine.root)).toEqual([`${registry.host}/app:v1`]);
    expect(await blobsOn(engine.root)).toEqual(before);
  });

  it("asks no mirror's next endpoint for what was refused", async () => {
    const registry = await started();
    const mirror = await started();
    for (const each of [registry, mirror]) await buildImage(each, "app", { tag: "v1", layers: [2_000] });
    const mirrors = { [registry.host]: [mirror.url] };
    const engine = await opened({ registry: { mirrors }, verify: refuse });
    expect(await failureOf(engine.pull(`${registry.host}/app:v1`))).toBeInstanceOf(ErrPermissionDenied);
    expect(registry.requests).toEqual([]);
  });

  it("refuses one of every tag, and the others come", async () => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "good", layers: [2_000] });
    const bad = await buildImage(registry, "app", { tag: "bad", layers: [2_001] });
    const verify: VerifyImage = ({ target }) => target.digest !== bad.descriptor.digest;
    const engine = await opened({ verify });
    const failure = await failureOf(engine.pull(`${registry.host}/app`, { allTags: true }));
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(await namesOn(engine.root)).toEqual([`${registry.host}/app:good`]);
    expect(await blobsOn(engine.root)).not.toContain(bad.layers[0]?.descriptor.digest);
  });

  it("is told all images of an index that would come", async () => {
    const registry = await started();
    const images = await Promise.all(
      PLATFORMS.map((platform, at) => buildImage(registry, "app", { layers: [4_000 + at], platform })),
    );
    const index = buildIndex(registry, "app", { tag: "multi", images });
    const told: ImageToVerify[] = [];
    const engine = await opened({ verify: (about) => void told.push(about) });
    const { images: pulled } = await engine.pull(`${registry.host}/app:multi`, { allPlatforms: true });
    expect(pulled).toHaveLength(1);
    expect(told.map(({ target }) => target.digest)).toEqual([index.digest]);
    const digests = told[0]?.manifests.map(({ manifest }) => manifest.digest);
    expect(digests?.toSorted()).toEqual(images.map(({ descriptor }) => descriptor.digest).toSorted());
  });

  it("lets another pull of the same image have it that nobody refuses", async () => {
    const registry = await started();
    const image = await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    tagAsWell(registry, "v2");
    const engine = await opened();
    const [allowed, refused] = await Promise.allSettled([
      engine.pull(`${registry.host}/app:v1`),
      engine.pull(`${registry.host}/app:v2`, { verify: refuse }),
    ]);
    expect(allowed.status).toBe("fulfilled");
    expect(refused).toMatchObject({ reason: expect.any(ErrPermissionDenied) });
    await engine.prune();
    expect(await namesOn(engine.root)).toEqual([`${registry.host}/app:v1`]);
    expect(await blobsOn(engine.root)).toHaveLength(2 + image.layers.length);
  });

  it("ends when the pull does, also when the hook never answers", async () => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const asked = Promise.withResolvers<AbortSignal>();
    const verify: VerifyImage = async (_, { signal }) => {
      asked.resolve(signal);
      await new Promise(() => {});
    };
    const engine = await opened();
    const stop = new AbortController();
    const pulling = engine.pull(`${registry.host}/app:v1`, { verify, signal: stop.signal });
    const signal = await asked.promise;
    stop.abort();
    expect(await failureOf(pulling)).toBeInstanceOf(ErrCanceled);
    expect(signal.aborted).toBe(true);
  });

  it("keeps version 1 of the API out, which says nothing before the layers", async () => {
    const server = keep(await v1Server({ layers: [Buffer.from("a layer")] }));
    const engine = await opened({ registry: { v1Registries: [server.host] }, verify: () => true });
    const failure = await failureOf(engine.pull(`${server.host}/team/app:1`));
    expect(failure.message).toContain("version 1 of the API says nothing that could be verified");
    expect(server.seen.filter((line) => line.includes("/v1/"))).toEqual([]);
    expect(failure).toBeInstanceOf(ErrNoSupport);
  });

  it("may ask the engine itself", async () => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const engine = await opened();
    const verify: VerifyImage = async ({ reference, target }) => {
      const named = `${reference.slice(0, reference.lastIndexOf(":"))}@${target.digest}`;
      expect(await engine.referrers(named)).toEqual([]);
    };
    await engine.pull(`${registry.host}/app:v1`, { verify });
    expect(await namesOn(engine.root)).toEqual([`${registry.host}/app:v1`]);
  });
});

describe("verify of everything else that brings an image", () => {
  it("holds for plans, and so for docker engines that images are brought into", async () => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const told: ImageToVerify[] = [];
    const engine = await opened({ verify: (about) => told.push(about) < 2 });
    await engine.plan(`${registry.host}/app:v1`);
    expect(told).toMatchObject([
      { purpose: "plan", manifests: [{ kind: "image", platform: { os: "linux" } }] },
    ]);
    const failure = await failureOf(engine.plan(`${registry.host}/app:v1`));
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(await blobsOn(engine.root)).toEqual([]);
  });

  it("holds for copies: nothing goes to the other registry", async () => {
    const site = keep(await pushSite());
    const image = await buildImage(site.source, "team/app", { tag: "v1", layers: [2_000] });
    const told: ImageToVerify[] = [];
    const failure = await failureOf(
      site.engine.copy(`${site.from}:v1`, `${site.to}:v1`, {
        verify(about) {
          told.push(about);
          throw new Error("not signed");
        },
      }),
    );
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(told).toMatchObject([
      { purpose: "copy", target: { digest: image.descriptor.digest }, manifests: [{ kind: "image" }] },
    ]);
    expect(site.target.requests).toEqual([]);
    expect(image.layers.flatMap(({ descriptor }) => gets(site.source, descriptor.digest))).toEqual([]);
    await site.engine.copy(`${site.from}:v1`, `${site.to}:v1`, { verify: () => true });
    expect(site.target.manifest("team/app", "v1")?.digest).toBe(image.descriptor.digest);
    expect(gets(site.source, image.config.digest)).toHaveLength(2); // once for each copy
  });

  it("holds for imports: nothing is named, nothing is left", async () => {
    const registry = await started();
    await buildImage(registry, "app", { tag: "v1", layers: [2_000] });
    const source = await opened();
    await source.pull(`${registry.host}/app:v1`);
    const directory = await mkdtemp(join(tmpdir(), "drayage-verify-"));
    keep({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) });
    const archive = join(directory, "app.tar");
    await source.export(`${registry.host}/app:v1`, archive);
    const told: ImageToVerify[] = [];
    const engine = await opened({ verify: (about) => told.push(about) > 1 });
    expect(await failureOf(engine.import(archive))).toBeInstanceOf(ErrPermissionDenied);
    expect(told).toMatchObject([
      { purpose: "import", reference: `${registry.host}/app:v1`, endpoint: undefined },
    ]);
    await expectNothingLeft(engine);
    await engine.import(archive);
    expect(await namesOn(engine.root)).toEqual([`${registry.host}/app:v1`]);
  });
});

describe("verify of what comes into memory only", () => {
  it.each([
    ["plan", (engine: Engine, name: string) => engine.plan(name, { verify: allow })],
    [
      "copy",
      (engine: Engine, name: string) => engine.copy(name, name.replace("/app", "/other"), { verify: allow }),
    ],
  ])("asks for no config that is too large: %s", async (_, work) => {
    const registry = await started();
    const labels = { filling: "x".repeat(MAX_CONFIG_BYTES) };
    const { config } = await buildImage(registry, "app", {
      tag: "v1",
      layers: [5],
      config: { config: { Labels: labels } },
    });
    const engine = await opened();
    const error = await failureOf(work(engine, `${registry.host}/app:v1`));
    expect(error).toBeInstanceOf(ErrInvalidArgument);
    expect(error).toMatchObject({ digest: config.digest });
    expect(gets(registry, config.digest)).toEqual([]);
  });
});
