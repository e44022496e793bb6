import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type ContentServer, serveContent } from "../../src/content/grpc/serve-content.ts";
import type { LocalStore } from "../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { type DockerRegistry, startDockerRegistry } from "./support/docker-registry.ts";
import { tagInLayout, writeImage } from "./support/images.ts";
import { skopeoCopy } from "./support/skopeo.ts";

const TEXT = "what is in the blob\n";
const DIGEST = digestOf(TEXT);

let folder: string;
let socket: string;
let store: LocalStore;
let server: ContentServer;

async function start(): Promise<void> {
  store = await openLocalStore({ root: join(folder, "root") });
  server = await serveContent({ store, address: `unix://${socket}`, lockWaitMs: 100 });
}

async function stop(): Promise<void> {
  await server.close();
  await store.close();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
  socket = join(folder, "content.sock");
  await start();
});

afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

function content(...args: string[]): Promise<string> {
  return ctr(socket, ["content", ...args], { env: { XDG_RUNTIME_DIR: folder } });
}

function ingest(input: string, ...args: string[]): Promise<string> {
  return ctr(socket, ["content", "ingest", ...args], { input });
}

describeReal("the content service with ctr", ["ctr"], () => {
  it("takes, lists, gives and removes content", async () => {
    await ingest(TEXT, "--expected-size", String(TEXT.length), "--expected-digest", DIGEST, "ref");
    await ingest(TEXT, "again");
    expect(await store.info(DIGEST)).toMatchObject({ size: TEXT.length });
    expect(await store.listStatuses()).toEqual([]);
    expect(await content("ls", "-q")).toBe(`${DIGEST}\n`);
    expect(await content("ls")).toMatch(new RegExp(`^DIGEST.*\n${DIGEST}\\s+20 ?B\\s+.*-\\s*\n$`));
    expect(await content("get", DIGEST)).toBe(TEXT);
    expect(await content("rm", DIGEST)).toBe(`${DIGEST}\n`);
    expect(await content("ls", "-q")).toBe("");
  });

  it("labels content and finds it by its labels", async () => {
    await ingest(TEXT, "ref");
    await ingest("other", "other");
    await content("label", DIGEST, "a/b=c", "containerd.io/gc.root=now");
    expect(await content("label", DIGEST, "a/b=")).toContain("containerd.io/gc.root=now");
    expect((await store.info(DIGEST)).labels).toEqual({ "containerd.io/gc.root": "now" });
    expect(await content("ls", "-q", 'labels."containerd.io/gc.root"==now')).toBe(`${DIGEST}\n`);
    expect(await content("ls", "-q", 'labels."containerd.io/gc.root"!=now')).toBe(`${digestOf("other")}\n`);
  });

  it("tells ingests that are under way", async () => {
    const writer = await store.writer({ ref: "under-way" });
    await writer.write(Buffer.from(TEXT));
    expect(await content("active")).toMatch(/under-way\s+20 ?B/);
    expect(await content("active", "ref==another")).not.toContain("under-way");
    await writer.close();
  });

  it("lets content be edited", async () => {
    await ingest(TEXT, "ref");
    const editor = join(folder, "editor"); // one that writes in place, as ctr wants it
    await writeFile(editor, `#!/bin/sh\necho what is in the box >"$1"\n`, { mode: 0o755 });
    const edited = digestOf("what is in the box\n");
    expect(await content("edit", "--editor", editor, DIGEST)).toContain(edited);
    expect(await content("get", edited)).toBe("what is in the box\n");
  });
});

describeReal("the content service with ctr and a registry", ["ctr", "docker-registry"], () => {
  let registry: DockerRegistry;

  beforeAll(async () => {
    registry = await startDockerRegistry();
  });

  afterAll(() => registry.stop());

  it("gives what ctr pushes", async () => {
    await ingest(TEXT, "ref");
    const name = `${registry.host}/test/object:v1`;
    const pushed = await content("push-object", "--plain-http", name, DIGEST, "application/octet-stream");
    expect(pushed).toContain(`Pushed ${DIGEST}`);
    const blob = await fetch(`http://${registry.host}/v2/test/object/blobs/${DIGEST}`);
    expect(await blob.text()).toBe(TEXT);
  });

  it("cannot do what takes leases, which are a service of their own", async () => {
    const name = `${registry.host}/test/object:v1`;
    for (const args of [
      ["fetch", "--plain-http", name],
      ["prune", "references"],
    ]) {
      await expect(content(...args)).rejects.toThrow("unknown method /containerd.services.leases.v1.");
    }
  });
});

describeReal(
  "containerd with the content service as its store",
  ["containerd", "ctr", "docker-registry", "skopeo"],
  () => {
    let registry: DockerRegistry;

    beforeAll(async () => {
      registry = await startDockerRegistry();
    });

    afterAll(() => registry.stop());

    it.skipIf(!canRunContainerd)("keeps what it pulls in ours, until it collects it", async () => {
      const layout = join(folder, "layout");
      const layers = [
        { bytes: 3_000_000 },
        { bytes: 200_000 },
        { bytes: 10_000, compression: "none" as const },
      ];
      const image = await writeImage(layout, { layers });
      await tagInLayout(layout, "v1", image.manifest);
      const name = `${registry.host}/test/image:v1`;
      await skopeoCopy(`oci:${layout}:v1`, `docker://${name}`);
      const blobs = [image.manifest, image.config, ...image.layers];
      const options = { folder: join(folder, "plugged"), contentSocket: socket };
      {
        await using containerd = await startContainerd(options);
        await ctr(containerd.socket, ["images", "pull", "--plain-http", "--snapshotter", "native", name]);
        for (const blob of blobs) await readBlob(store, blob);
        expect(await store.listStatuses()).toEqual([]);
      }
      await stop();
      await start();

      await using containerd = await startContainerd(options);
      expect(await ctr(containerd.socket, ["images", "ls", "-q"])).toBe(`${name}\n`);
      const manifest = await ctr(containerd.socket, ["content", "get", image.manifest.digest]);
      expect(digestOf(manifest)).toBe(image.manifest.digest);
      await ctr(containerd.socket, ["images", "rm", "--sync", name]);
      for (const { digest } of blobs) {
        await expect(store.info(digest)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
      }
    });
  },
);
