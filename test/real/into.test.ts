import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Descriptor } from "../../src/images.ts";
import { TestRegistry } from "../../src/testing.ts";
import { CuttingRelay } from "../content/grpc/support/cutting-relay.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { openDockerCli } from "./support/docker-cli.ts";
import { canRunDockerd, startDockerd } from "./support/dockerd.ts";
import { drayageOutput } from "./support/drayage.ts";
import { requirePart } from "./support/parts.ts";
import { pseudoRandom } from "./support/pseudo-random.ts";
import { putShellImage } from "./support/shell-image.ts";

/** Of what is below; the top layers are larger than all that moves beside layers. */
const [SHARED_BYTES, TOP_BYTES] = [2_000_000, 200_000];

/** Most bytes that are sent to an engine beside layers: documents, heads of an archive, calls. */
const MAX_BESIDE_BYTES = 50_000;

/** Works wherever a containerd does; overlayfs does not. */
const SNAPSHOTTER = "native";

const keep = closingAfterEach();
let registry: TestRegistry;
let name: string;
let folder: string;

function random(seed: string, bytes: number): Buffer {
  return Buffer.concat([...pseudoRandom(seed, bytes)]);
}

/** An image that says which one it is; all have the same layers but for the highest. */
async function putImage(tag: string): Promise<Descriptor> {
  const above = [
    [{ name: "shared", content: random("shared", SHARED_BYTES) }],
    [
      { name: "word", content: `${tag}\n` },
      { name: "top", content: random(tag, TOP_BYTES) },
    ],
  ];
  const script = "read word < /word; echo this is $word";
  return await putShellImage(registry, { repository: "team/app", tag }, { script, above });
}

beforeAll(async () => {
  registry = await TestRegistry.start();
  name = `${registry.host}/team/app`;
  for (const tag of ["v1", "v2"]) await putImage(tag);
});

afterAll(() => registry.close());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-into-"));
  keep({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
});

/** Pulls an image into an engine, and gives the bytes of blobs that left the registry, and all that were sent to the engine. */
async function pullInto(
  engine: string,
  relay: CuttingRelay,
  tag: string,
): Promise<readonly [number, number]> {
  const [before, sent] = [registry.requests.length, relay.sentBytes];
  const root = ["--root", join(folder, "root")];
  await drayageOutput(["pull", "-q", "--plain-http", ...root, "--into", engine, `${name}:${tag}`]);
  const blobs = registry.requests.slice(before).filter(({ kind }) => kind === "blob");
  return [blobs.reduce((sum, { bytesSent }) => sum + bytesSent, 0), relay.sentBytes - sent];
}

/** Pulls both images; of the second one no more than the highest layer may move, which is most of what does. */
async function pullBoth(engine: string, relay: CuttingRelay): Promise<void> {
  for (const [tag, least] of [
    ["v1", SHARED_BYTES + TOP_BYTES],
    ["v2", TOP_BYTES],
  ] as const) {
    for (const bytes of await pullInto(engine, relay, tag)) {
      expect(bytes).toBeGreaterThan(least);
      if (tag === "v2") expect(bytes).toBeLessThan(least + MAX_BESIDE_BYTES);
    }
  }
}

describeReal("pull --into a real dockerd", ["dockerd", "docker"], () => {
  it.skipIf(!canRunDockerd)(
    "brings images that run, and of the second one only the layer that is new",
    async () => {
      const dockerd = keep(await startDockerd(join(folder, "docker")));
      const relay = keep(await CuttingRelay.start(join(folder, "relay.sock"), dockerd.socket));
      const docker = keep(await openDockerCli(`unix://${dockerd.socket}`));
      await pullBoth(`docker://${join(folder, "relay.sock")}`, relay);
      for (const tag of ["v1", "v2"]) {
        expect(await docker.run(["run", "--rm", "--network=none", `${name}:${tag}`])).toBe(
          `this is ${tag}\n`,
        );
      }
    },
  );
});

describeReal("pull --into a real containerd", ["containerd", "ctr", "runc"], () => {
  it.skipIf(!canRunContainerd)(
    "brings images that run, and of the second one only the layer that is new",
    async () => {
      const containerd = keep(await startContainerd({ folder: join(folder, "containerd") }));
      const relay = keep(await CuttingRelay.start(join(folder, "relay.sock"), containerd.socket));
      await pullBoth(`containerd://${join(folder, "relay.sock")}?snapshotter=${SNAPSHOTTER}`, relay);
      await mkdir(join(folder, "tmp"));
      const env = { XDG_RUNTIME_DIR: join(folder, "tmp") };
      const how = ["--runc-binary", requirePart("runc").path, "--snapshotter", SNAPSHOTTER];
      for (const tag of ["v1", "v2"]) {
        const args = ["run", "--rm", ...how, `${name}:${tag}`, tag];
        expect(await ctr(containerd.socket, args, { env })).toBe(`this is ${tag}\n`);
      }
    },
  );
});
