import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openContainerd } from "../../src/containerd.ts";
import { openDistribution } from "../../src/index.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { digestsOf } from "../distribution/support/built-image.ts";
import { type Containerd, canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { countCalls } from "./support/counted-calls.ts";
import { describeReal } from "./support/describe-real.ts";

const CHILD = fileURLToPath(new URL("support/containerd-pull-child.ts", import.meta.url));
const SNAPSHOTTER = "native";

/** How many calls lie between two that are hit; odd, because every other one is hit in the middle. */
const STEP = 5;

describeReal("a pull into a real containerd", ["containerd"], () => {
  describe.skipIf(!canRunContainerd)("as root", () => {
    let folder: string;
    let daemon: Containerd;
    let registry: TestRegistry;
    let image: BuiltImage;
    let name: string;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      daemon = await startContainerd({ folder });
      registry = await TestRegistry.start();
      image = await buildImage(registry, "team/app", { tag: "v1", layers: [90_000, 700] });
      name = `${registry.host}/team/app:v1`;
    });

    afterEach(async () => {
      await registry.close();
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function restart(): Promise<void> {
      await daemon.kill();
      daemon = await startContainerd({ folder });
    }

    const address = (): string => `unix://${daemon.socket}`;
    const rootOf = (namespace: string): string => join(folder, `root-${namespace}`);

    async function pull(namespace: string): Promise<void> {
      await using containerd = await openContainerd({
        address: address(),
        namespace,
        snapshotter: SNAPSHOTTER,
      });
      const { content, images, layers } = containerd;
      const root = rootOf(namespace);
      await using engine = await openDistribution({
        root,
        content,
        images,
        layers,
        registry: { plainHttp: true },
      });
      await engine.pull(name);
    }

    /** What a namespace has when all leases are gone: the image, and nothing else. */
    async function expectWhole(namespace: string): Promise<void> {
      const list = async (...args: readonly string[]): Promise<readonly string[]> =>
        (await ctr(daemon.socket, ["--namespace", namespace, ...args]))
          .split("\n")
          .filter((line) => line !== "");
      const leases = await list("leases", "ls", "-q");
      for (const lease of leases) await list("leases", "delete", "--sync", lease);
      await list("leases", "create", "--id", "collect");
      await list("leases", "delete", "--sync", "collect");
      const snapshots = await list("snapshots", "--snapshotter", SNAPSHOTTER, "ls");
      expect(snapshots.slice(1).map((line) => line.split(/\s+/, 1).join())).toEqual(
        chainIds(image.layers.map(({ diffId }) => diffId)).toSorted(),
      );
      expect(new Set(await list("content", "ls", "-q"))).toEqual(new Set(digestsOf(image)));
      expect((await list("content", "active")).slice(1)).toEqual([]);
    }

    it("that is killed at any call leaves nothing in the way of the next one", async () => {
      for (let call = 1; ; call += STEP) {
        const namespace = `client-${call}`;
        const args = [address(), namespace, SNAPSHOTTER, rootOf(namespace), name, String(call)];
        const child = spawn(process.execPath, [CHILD, ...args], { stdio: "ignore" });
        const [status] = (await once(child, "exit")) as [number | null];
        await pull(namespace);
        await expectWhole(namespace);
        if (status === 0) break;
        expect(status).toBeNull();
      }
    }, 300_000);

    it("goes on when containerd is killed before or during any call, and started again", async () => {
      // The first call finds out that somebody is there: nobody waits for one who never was.
      for (let call = 2, isHit = true; isHit; call += STEP) {
        const namespace = `daemon-${call}`;
        isHit = false;
        let restarted: Promise<void> = Promise.resolve();
        const stopCounting = countCalls(async (number) => {
          if (number !== call) return;
          isHit = true;
          restarted = restart();
          if (call % 2 === 0) await restarted;
        });
        try {
          await pull(namespace);
        } finally {
          stopCounting();
          await restarted;
        }
        await expectWhole(namespace);
      }
    }, 300_000);
  });
});
