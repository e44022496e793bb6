import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { proxyStore } from "../../src/content/grpc/proxy-store.ts";
import { writeBlob } from "../../src/content/write-blob.ts";
import { digestOf, parseDigest } from "../../src/digest/digest.ts";
import { openDistribution } from "../../src/index.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { describeStore } from "../content/store-suite.ts";
import { digestsOf } from "../distribution/support/built-image.ts";
import { type Containerd, canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { containerdTraits } from "./support/containerd-traits.ts";
import { describeReal } from "./support/describe-real.ts";

describeReal("a real containerd", ["containerd"], () => {
  describe.skipIf(!canRunContainerd)("behind the proxy store", () => {
    let folder: string;
    let containerd: Containerd;
    let serial = 0;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      containerd = await startContainerd({ folder, collectsGarbage: false });
    });

    afterAll(async () => {
      await containerd.stop();
      await rm(folder, { recursive: true, force: true });
    });

    // A namespace each: what one case leaves, the others do not see.
    describeStore("proxyStore()", async () => {
      const address = `unix://${containerd.socket}`;
      const store = proxyStore({ address, namespace: `case-${serial++}` });
      return { store, traits: containerdTraits(containerd.version), dispose: () => store.close() };
    });
  });

  describe.skipIf(!canRunContainerd)("that collects garbage", () => {
    it("keeps what was written under a lease as long as the lease lives", async () => {
      const folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      try {
        await using containerd = await startContainerd({ folder });
        const options = { address: `unix://${containerd.socket}`, namespace: "default" };
        await ctr(containerd.socket, ["leases", "create", "--id", "ours"]);
        await using bare = proxyStore(options);
        await using leased = proxyStore({ ...options, lease: "ours" });
        const [loose, held] = [Buffer.from("loose"), Buffer.from("held")];
        await writeBlob(bare, "loose", loose);
        await writeBlob(leased, "held", held);

        await collectGarbage(containerd);
        await expect(bare.info(digestOf(loose))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
        expect(await bare.info(digestOf(held))).toMatchObject({ size: 4 });

        await ctr(containerd.socket, ["leases", "delete", "--sync", "ours"]);
        await expect(bare.info(digestOf(held))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });

    it("keeps all of an image whose manifest alone it holds, and what was removed here by name only", async () => {
      const folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      try {
        await using registry = await TestRegistry.start();
        const image = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000, 6_000] });
        const name = `${registry.host}/team/app:v1`;
        await using containerd = await startContainerd({ folder });
        await ctr(containerd.socket, ["leases", "create", "--id", "ours"]);
        const address = `unix://${containerd.socket}`;
        await using content = proxyStore({ address, namespace: "default", lease: "ours" });
        const root = join(folder, "names");
        await using engine = await openDistribution({ root, content, registry: { plainHttp: true } });
        await engine.pull(name);
        // Stands for an image of containerd's own: from here its collector finds the rest by labels.
        const labels = { "containerd.io/gc.root": "held" };
        await content.update({ digest: image.descriptor.digest, labels }, ["labels.containerd.io/gc.root"]);
        await ctr(containerd.socket, ["leases", "delete", "--sync", "ours"]);
        await engine.remove(name);
        await collectGarbage(containerd);

        await using bare = proxyStore({ address, namespace: "default" });
        for (const digest of digestsOf(image))
          expect(await bare.info(parseDigest(digest))).toMatchObject({ digest });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  });
});

/** A lease that is deleted has containerd collect at once. */
async function collectGarbage({ socket }: Containerd): Promise<void> {
  await ctr(socket, ["leases", "create", "--id", "collect"]);
  await ctr(socket, ["leases", "delete", "--sync", "collect"]);
}
