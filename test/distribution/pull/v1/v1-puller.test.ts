import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../../src/digest/digest.ts";
import { ErrNoSupport, findError, isCanceled, isNoSupport, isNotFound } from "../../../../src/errors.ts";
import type { TestRegistryOptions } from "../../../../src/testing.ts";
import { type BuiltV1Image, buildImage, buildV1Image, TestRegistry } from "../../../../src/testing.ts";
import { closingAfterEach } from "../../../support/closing-after-each.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "../../support/engine.ts";
import { statusLog } from "../../support/status-lines.ts";
import { until } from "../../support/until.ts";

const REPOSITORY = "team/app";
const ALWAYS = Number.POSITIVE_INFINITY;
const SOME_DIGEST = `sha256:${"0".repeat(64)}`;

const keep = closingAfterEach();

async function start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  return keep(await TestRegistry.start({ v1: { only: true }, ...options }));
}

async function engineFor(registry: TestRegistry, root?: string): Promise<Engine> {
  return keep(await openEngine({ registry: { v1Registries: [registry.host] }, ...(root && { root }) }));
}

interface Site {
  readonly registry: TestRegistry;
  readonly engine: Engine;
  readonly image: BuiltV1Image;
  readonly name: string;
}

async function site(
  layers: readonly (Uint8Array | number | "empty")[] = [100_000, "empty", 5_000],
  more: { readonly gzip?: boolean; readonly checksums?: boolean; readonly json?: object } = {},
): Promise<Site> {
  const registry = await start();
  const image = await buildV1Image(registry, REPOSITORY, {
    tag: "1",
    layers,
    ...more,
    json: { ...more.json },
  });
  return { registry, engine: await engineFor(registry), image, name: `${registry.host}/${REPOSITORY}:1` };
}

async function both(): Promise<Site> {
  const registry = await start({ v1: true });
  const image = await buildV1Image(registry, REPOSITORY, { tag: "old", layers: [1_000] });
  await buildImage(registry, REPOSITORY, { tag: "new", layers: [1_000] });
  return { registry, image, engine: await engineFor(registry), name: `${registry.host}/${REPOSITORY}` };
}

function counts(registry: TestRegistry): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { kind } of registry.requests) {
    if (kind.startsWith("v1-")) found[kind] = (found[kind] ?? 0) + 1;
  }
  return found;
}

/** A document on disk. */
async function document(engine: Engine, digest: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await readFile(join(engine.root, "blobs", digest.replace(":", "/")), "utf8"));
}

async function configOf(engine: Engine, digest: string): Promise<Readonly<Record<string, unknown>>> {
  const { config } = await document(engine, digest);
  return await document(engine, (config as { digest: string }).digest);
}

function layersFor({ registry }: Pick<Site, "registry">, id: string | undefined) {
  return registry.requests.filter(({ kind, reference }) => kind === "v1-layer" && reference === id);
}

describe("pull() of an image of version 1", () => {
  it("makes an OCI image of it, without its empty layers", async () => {
    const { engine, image, name } = await site();
    const [base, empty, top] = image.layers;
    const { images, digest, passedOver } = await engine.pull(name, { platform: "linux/amd64" });
    expect(images).toMatchObject([{ name, kind: "image", updated: true }]);
    expect(images[0]?.warnings).toEqual([expect.stringMatching(/pulled from a legacy registry\.$/)]);
    expect(passedOver.map(({ error }) => isNoSupport(error))).toEqual([true]);

    const manifest = await document(engine, digest);
    const layers = [base, top].map((layer) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: digestOf(layer?.bytes ?? ""),
      size: layer?.bytes.length,
    }));
    expect(manifest).toMatchObject({ mediaType: "application/vnd.oci.image.manifest.v1+json", layers });
    const config = await configOf(engine, digest);
    expect(config).toEqual({
      architecture: "amd64",
      os: "linux",
      author: "drayage/testing",
      config: { Cmd: ["/bin/sh"] },
      container_config: { Cmd: ["/bin/sh", "-c", "#(nop) layer 2"] },
      created: "1970-01-01T00:00:00Z",
      docker_version: "1.5.0",
      rootfs: { type: "layers", diff_ids: [base?.diffId, top?.diffId] },
      history: [0, 1, 2].map((at) => ({
        created: "1970-01-01T00:00:00Z",
        created_by: `/bin/sh -c #(nop) layer ${at}`,
        author: "drayage/testing",
        ...(at === 1 && { empty_layer: true }),
      })),
    });
    expect(await namesOn(engine.root)).toEqual([name]);
    await until(async () => !(await blobsOn(engine.root)).includes(empty?.diffId ?? ""));
    expect(await blobsOn(engine.root)).toHaveLength(4);
    expect(await engine.content.listStatuses()).toEqual([]);
  });

  it.each([
    [false, false, "tar"],
    [true, true, "tar+gzip"],
    [true, false, "tar+gzip"],
  ])("takes layers as they are (gzip %s, checksums %s)", async (gzip, checksums, type) => {
    const { engine, image, name } = await site([3_000, 40_000], { gzip, checksums });
    const { digest } = await engine.pull(name);
    const manifest = await document(engine, digest);
    expect(manifest).toMatchObject({
      layers: image.layers.map(({ bytes }) => ({
        mediaType: `application/vnd.oci.image.layer.v1.${type}`,
        digest: digestOf(bytes),
      })),
    });
    const config = await configOf(engine, digest);
    expect(config).toMatchObject({ rootfs: { diff_ids: image.layers.map(({ diffId }) => diffId) } });
  });

  it("makes the same image again, and downloads nothing for it", async () => {
    const { registry, engine, image, name } = await site();
    const first = await engine.pull(name);
    const again = await engine.pull(name);
    expect(again.digest).toBe(first.digest);
    expect(again.images).toMatchObject([{ updated: false }]);
    for (const { id } of image.layers) expect(layersFor({ registry }, id)).toHaveLength(1);
    const other = await engineFor(registry);
    expect((await other.pull(name)).digest).toBe(first.digest);
  });

  it("fills in what the oldest documents do not say, and leaves out what no reader understands", async () => {
    const { engine, name } = await site([10], {
      json: { architecture: undefined, os: null, created: "yesterday" },
    });
    const { digest } = await engine.pull(name);
    const config = await configOf(engine, digest);
    expect(config).toMatchObject({ architecture: "amd64", os: "linux" });
    expect(config).not.toHaveProperty("created");
  });

  it("shares everything among pulls at the same time", async () => {
    const { registry, engine, image, name } = await site([60_000, "empty", 7, 30_000]);
    const results = await Promise.all(Array.from({ length: 20 }, () => engine.pull(name)));
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    expect(counts(registry)).toMatchObject({
      "v1-ping": 1,
      "v1-images": 1,
      "v1-layer": image.layers.length,
    });
  });

  it("shares layers between images, and fetches each once", async () => {
    const { registry, engine, image, name } = await site([50_000, 10]);
    const [base] = image.layers;
    const json2 = Buffer.from(JSON.stringify({ id: "f".repeat(64), parent: base?.id }));
    registry.v1.put({ id: "f".repeat(64), parent: base?.id, json: json2, layer: gzipSync("x".repeat(600)) });
    registry.v1.tag(REPOSITORY, "2", "f".repeat(64));
    await Promise.all([engine.pull(name), engine.pull(`${registry.host}/${REPOSITORY}:2`)]);
    expect(layersFor({ registry }, base?.id)).toHaveLength(1);
  });

  it("pulls every tag", async () => {
    const { registry, engine, name } = await site();
    await buildV1Image(registry, REPOSITORY, { tag: "2", layers: [9] });
    const { images } = await engine.pull(`${registry.host}/${REPOSITORY}`, { allTags: true });
    expect(images.map((one) => one.name)).toEqual([name, name.replace(/1$/, "2")]);
  });

  it("tells what it does", async () => {
    const { engine, image, name } = await site();
    const log = statusLog();
    await engine.pull(name, { platform: "linux/amd64", onProgress: log.sink });
    const lines = log.lines();
    expect(lines.slice(0, 2)).toEqual(["1: Pulling from team/app", "1: Pulling dependent layers"]);
    expect(log.actions(image.layers[0]?.id.slice(0, 12) ?? "")).toEqual([
      "Pulling fs layer",
      "Downloading",
      "Verifying Checksum",
      "Download complete",
      "Pull complete",
    ]);
    expect(lines.at(-1)).toMatch(/^Status: Downloaded newer image for /);
  });
});

describe("pull() of an image of version 1 that is interrupted", () => {
  it.each([
    ["reset", { reset: true, afterBytes: 70_000 }],
    ["cut off", { truncate: 70_000 }],
  ])("goes on where a layer was %s", async (_, action) => {
    const { registry, engine, image, name } = await site([200_000, 10]);
    const [base] = image.layers;
    registry.fault({ kind: "v1-layer", reference: base?.id ?? "" }, action);
    await engine.pull(name);
    const [first, second] = layersFor({ registry }, base?.id);
    expect(first?.range).toBeUndefined();
    const from = Number(/^bytes=(\d+)-201727$/.exec(second?.range ?? "")?.[1]);
    expect(from).toBeGreaterThan(0);
    expect(second).toMatchObject({ status: 206, bytesSent: 201_728 - from });
  });

  it.each([
    ["the range", { status: 416 }],
    ["ranges at all", { status: 500, body: "no" }],
    ["only its own range", { wrongRange: true }],
  ])("asks for the whole layer when the registry knows not %s", async (_, action) => {
    const { registry, engine, image, name } = await site([200_000]);
    const reference = image.id;
    registry.fault({ kind: "v1-layer", reference }, { truncate: 70_000 });
    registry.fault(
      { kind: "v1-layer", reference, when: ({ range }) => range !== undefined, times: ALWAYS },
      action,
    );
    await engine.pull(name);
  });

  it("keeps what has come for another process, and nothing else", async () => {
    const { registry, engine, image, name } = await site([200_000]);
    const fault = registry.fault({ kind: "v1-layer" }, { stall: true, afterBytes: 131_072 });
    const stop = new AbortController();
    const pulling = failureOf(engine.pull(name, { signal: stop.signal }));
    await until(async () => (await engine.content.listStatuses()).some(({ offset }) => offset >= 65_536));
    stop.abort();
    expect(isCanceled(await pulling)).toBe(true);
    fault.release();
    await engine.close();
    const names = await readdir(engine.root);
    expect(names).not.toContain("v1-layers");
    expect(await blobsOn(engine.root)).toEqual([]);

    const other = await engineFor(registry, engine.root);
    const [{ offset, ref } = { offset: 0, ref: "" }] = await other.content.listStatuses();
    expect(ref).toBe(`v1-layer-${registry.url}/v1-${image.id}`);
    await other.pull(name);
    expect(layersFor({ registry }, image.id).at(-1)?.range).toBe(`bytes=${offset}-201727`);
    await other.close();
  });

  it("leaves what prune takes", async () => {
    const { registry, engine, name } = await site([200_000, 50_000]);
    registry.fault({ kind: "v1-layer", times: ALWAYS, after: 1 }, { truncate: 1_000 });
    await failureOf(engine.pull(name));
    expect(await namesOn(engine.root)).toEqual([]);
    await engine.prune({ minAgeMs: 0 });
    expect(await blobsOn(engine.root)).toEqual([]);
    expect(await engine.content.listStatuses()).toEqual([]);
    expect(await readdir(join(engine.root, "v1-layers"))).toEqual([]);
  });

  it("goes on with the layers that are complete", async () => {
    const { registry, engine, image, name } = await site([200_000, 50_000]);
    const [base, top] = image.layers;
    const hold = until(
      async () => (await readdir(join(engine.root, "v1-layers")).catch(() => [])).length > 0,
    );
    const fault = registry.fault(
      { kind: "v1-layer", reference: top?.id ?? "", times: ALWAYS },
      { hold, status: 403 },
    );
    await failureOf(engine.pull(name));
    fault.remove();
    await engine.pull(name);
    expect(layersFor({ registry }, base?.id)).toHaveLength(1);
  });

  it("downloads nothing again that was only not read through", async () => {
    const { registry, engine, image, name } = await site();
    const { digest } = await engine.pull(name);
    const folder = join(engine.root, "v1-layers");
    for (const file of await readdir(folder)) {
      const record = JSON.parse(await readFile(join(folder, file), "utf8"));
      if (!record.content.isEmpty)
        await writeFile(join(folder, file), JSON.stringify({ ...record, content: undefined }));
    }
    expect((await engine.pull(name)).digest).toBe(digest);
    for (const { id } of image.layers) expect(layersFor({ registry }, id)).toHaveLength(1);
  });

  it("fetches each layer once for two who share a data root", async () => {
    const { registry, engine, image, name } = await site([300_000, "empty", 90_000]);
    const gate = Promise.withResolvers<void>();
    registry.fault({ kind: "v1-layer", times: ALWAYS }, { hold: gate.promise });
    const other = await engineFor(registry, engine.root);
    const pulls = Promise.all([engine.pull(name), other.pull(name)]);
    await until(async () => (await engine.content.listStatuses()).length === image.layers.length);
    gate.resolve();
    const [one, two] = await pulls;
    expect(one.digest).toBe(two.digest);
    for (const { id } of image.layers) expect(layersFor({ registry }, id)).toHaveLength(1);
    expect(await engine.content.listStatuses()).toEqual([]);
    await other.close();
  });

  it("asks again for what is still being pushed", async () => {
    const { registry, engine, image, name } = await site();
    const body = { error: "Image is being uploaded, retry later" };
    registry.fault({ kind: "v1-json", reference: image.id }, { status: 400, body });
    await engine.pull(name);
    expect(
      registry.requests.filter(({ kind, reference }) => kind === "v1-json" && reference === image.id),
    ).toHaveLength(2);
  });
});

describe("pull() with version 1 behind version 2", () => {
  it("asks version 1 for nothing that version 2 has", async () => {
    const { registry, engine, name } = await both();
    await engine.pull(`${name}:new`);
    expect(counts(registry)).toEqual({});
  });

  it("asks it for what version 2 does not have", async () => {
    const { engine, name } = await both();
    const { passedOver } = await engine.pull(`${name}:old`);
    expect(passedOver.map(({ error }) => isNotFound(error))).toEqual([true]);
  });

  it("asks it nothing where it is not configured", async () => {
    const { registry, name } = await both();
    const engine = keep(await openEngine());
    expect(isNotFound(await failureOf(engine.pull(`${name}:old`)))).toBe(true);
    expect(counts(registry)).toEqual({});
  });

  it.each([
    ["what it has is broken", { corrupt: { offset: 10 } }],
    ["it denies access", { status: 403 }],
    ["there are too many requests", { status: 429 }],
  ])("asks it nothing when %s", async (_, action) => {
    const { registry, engine, name } = await both();
    registry.fault({ kind: "manifest", method: "GET", times: ALWAYS }, action);
    registry.fault({ kind: "manifest", method: "HEAD", times: ALWAYS }, "status" in action ? action : {});
    await failureOf(engine.pull(`${name}:new`));
    expect(counts(registry)).toEqual({});
  });

  it("shows the error of version 2 alone when version 1 cannot pull by digest", async () => {
    const { engine, name } = await both();
    const error = await failureOf(engine.pull(`${name}@${SOME_DIGEST}`));
    expect(isNotFound(error)).toBe(true);
    expect(error.message).not.toMatch(/v1/);
    expect(findError(error)?.errors?.some((one) => one instanceof ErrNoSupport)).not.toBe(true);
  });
});

describe("pull() where only version 1 is spoken", () => {
  it("shows that it is not supported by digest", async () => {
    const { registry, engine } = await site();
    const error = await failureOf(engine.pull(`${registry.host}/${REPOSITORY}@${SOME_DIGEST}`));
    expect(error).toBeInstanceOf(ErrNoSupport);
    expect(error.message.split("\n")).toEqual([
      expect.stringMatching(/no registry API v2 here$/),
      "Cannot pull by digest with v1 registry",
    ]);
  });

  it("shows the same at a host that speaks no TLS", async () => {
    const { registry } = await site();
    const options = { v1Registries: [registry.host], plainHttp: false };
    const engine = keep(await openEngine({ registry: options }));
    const error = await failureOf(engine.pull(`${registry.host}/${REPOSITORY}@${SOME_DIGEST}`));
    expect(error).toBeInstanceOf(ErrNoSupport);
    expect(error.message.split("\n")).toEqual([
      expect.stringMatching(/no registry API v2 here$/),
      "Cannot pull by digest with v1 registry",
    ]);
  });

  it("shows that there is no version 2, and then what version 1 says", async () => {
    const { registry, engine } = await site();
    const error = await failureOf(engine.pull(`${registry.host}/${REPOSITORY}:none`));
    expect(isNotFound(error)).toBe(true);
    expect(error.message.split("\n")).toEqual([
      expect.stringMatching(/no registry API v2 here$/),
      expect.stringMatching(
        /^manifest for .*:none not found: GET .*\/tags\/none: 404 Not Found: Tag not found$/,
      ),
    ]);
    expect(findError(error)?.errors?.map((one) => isNoSupport(one))).toEqual([true, false]);
  });

  it("says that nobody speaks any version", async () => {
    const registry = await start({ v1: false });
    const engine = await engineFor(registry);
    registry.fault({ kind: "ping", times: ALWAYS }, { status: 404 });
    registry.fault({ kind: "manifest", times: ALWAYS }, { status: 404 });
    const error = await failureOf(engine.pull(`${registry.host}/${REPOSITORY}:1`));
    expect(error).toBeInstanceOf(ErrNoSupport);
    expect(error.message).toMatch(/no registry API v2 here\nping .*: no registry API v1 here$/);
  });

  it("cannot be pushed to, as both versions say", async () => {
    const { registry, engine, name } = await site();
    await engine.pull(name);
    const before = registry.requests.length;
    const error = await failureOf(engine.push(name));
    expect(error).toBeInstanceOf(ErrNoSupport);
    expect(error.message).toBe(`ping ${registry.url}: no registry API v2 here\nCannot push to v1 registry`);
    const asked = registry.requests.slice(before);
    expect(asked.filter(({ path }) => path.startsWith("/v1"))).toEqual([]);
  });

  it("cannot be pushed to where only version 2 is asked", async () => {
    const { registry, engine, name } = await site();
    await engine.pull(name);
    const plain = keep(await openEngine({ root: engine.root }));
    const error = await failureOf(plain.push(name));
    expect(error).toBeInstanceOf(ErrNoSupport);
    expect(error.message).toBe(`ping ${registry.url}: no registry API v2 here`);
  });

  it("stands behind a mirror that has the image by version 2", async () => {
    const { registry, name } = await site();
    const mirror = keep(await TestRegistry.start());
    await buildImage(mirror, REPOSITORY, { tag: "1", layers: [1_000] });
    const options = { v1Registries: [registry.host], mirrors: { [registry.host]: [mirror.url] } };
    const engine = keep(await openEngine({ registry: options }));
    expect(await engine.pull(name)).toMatchObject({ endpoint: mirror.url, passedOver: [] });
    expect(registry.requests).toEqual([]);
    const error = await failureOf(engine.pull(`${registry.host}/${REPOSITORY}@${SOME_DIGEST}`));
    expect(error.message).toMatch(/^manifest for .* not found: manifest unknown/);
    expect(findError(error)?.errors?.map((one) => findError(one)?.endpoint)).toEqual([mirror.url]);
  });
});
