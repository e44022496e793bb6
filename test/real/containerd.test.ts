import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ContainerdOptions, openContainerd } from "../../src/containerd.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { digestsOf } from "../distribution/support/built-image.ts";
import { type Engine, openEngine } from "../distribution/support/engine.ts";
import { getCounts } from "../distribution/support/requests.ts";
import { type Containerd, canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput } from "./support/drayage.ts";
import { findPart } from "./support/parts.ts";
import { putShellImage, SHELL_SAYS } from "./support/shell-image.ts";

/** Works wherever a containerd does; overlayfs does not. */
const SNAPSHOTTER = "native";

describeReal("an engine on a real containerd", ["containerd"], () => {
  describe.skipIf(!canRunContainerd)("as root", () => {
    let folder: string;
    let daemon: Containerd;
    let registry: TestRegistry;
    let image: BuiltImage;
    let name: string;
    const closers: Array<() => Promise<void>> = [];

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      daemon = await startContainerd({ folder });
      registry = await TestRegistry.start();
      image = await buildImage(registry, "team/app", { tag: "v1", layers: [70_000, 500, 3_000] });
      name = `${registry.host}/team/app:v1`;
    });

    afterEach(async () => {
      for (const close of closers.splice(0).toReversed()) await close();
      await registry.close();
      await daemon.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const open = async (options: Partial<ContainerdOptions> = {}) => {
      const address = `unix://${daemon.socket}`;
      const containerd = await openContainerd({ address, snapshotter: SNAPSHOTTER, ...options });
      closers.push(() => containerd.close());
      return containerd;
    };
    const openOn = async (options: Partial<ContainerdOptions> = {}): Promise<Engine> => {
      const { content, images, layers } = await open(options);
      const engine = await openEngine({ content, images, layers });
      closers.push(async () => await engine[Symbol.asyncDispose]());
      return engine;
    };
    const chain = () => chainIds(image.layers.map(({ diffId }) => diffId));
    const lines = async (...args: readonly string[]): Promise<readonly string[]> =>
      (await ctr(daemon.socket, args)).split("\n").filter((line) => line !== "");
    const snapshots = async (): Promise<readonly string[]> =>
      (await lines("snapshots", "--snapshotter", SNAPSHOTTER, "ls"))
        .slice(1)
        .map((line) => line.split(/\s+/, 1).join())
        .toSorted();
    const content = async (): Promise<readonly string[]> => (await lines("content", "ls", "-q")).toSorted();
    const collectGarbage = async (): Promise<void> => {
      await ctr(daemon.socket, ["leases", "create", "--id", "collect"]);
      await ctr(daemon.socket, ["leases", "delete", "--sync", "collect"]);
    };

    it("pulls an image that containerd finds complete and unpacked, and keeps, without a lease", async () => {
      const engine = await openOn();
      await engine.pull(name);
      expect(await lines("leases", "ls", "-q")).toEqual([]);
      await collectGarbage();
      expect(await lines("images", "ls", "-q")).toEqual([name]);
      const [, checked = ""] = await lines("images", "check", "--snapshotter", SNAPSHOTTER);
      expect(checked).toMatch(/complete \(4\/4\).* true *$/);
      expect(await snapshots()).toEqual(chain().toSorted());
      expect(await content()).toEqual([...digestsOf(image)].toSorted());
      expect(await lines("content", "active")).toEqual([expect.stringContaining("REF")]);
    });

    it("asks for nothing that is there, names it again, and knows names of other clients", async () => {
      const engine = await openOn();
      await engine.pull(name);
      const before = registry.requests.length;
      const { images } = await (await openOn()).pull(name);
      expect(images[0]?.updated).toBe(false);
      expect(registry.requests.slice(before).filter(({ kind }) => kind === "blob")).toEqual([]);
      await lines("images", "tag", name, "other.example/app:v2");
      expect((await engine.images.list()).map((found) => found.name)).toContain("other.example/app:v2");
      expect(await engine.images.get("other.example/app:v2")).toMatchObject({
        target: { digest: image.descriptor.digest },
      });
    });

    it("moves a name to what it means now, and takes it away with all that only it needed", async () => {
      const engine = await openOn();
      await engine.pull(name);
      const newer = await buildImage(registry, "team/app", { tag: "v1", layers: [70_000, 600] });
      const untagged: string[] = [];
      engine.events.on("untag", (event) => void untagged.push(event.name));
      expect((await engine.pull(name)).images[0]).toMatchObject({ updated: true });
      expect(await engine.images.get(name)).toMatchObject({ target: { digest: newer.descriptor.digest } });
      await engine.tag(name, "app:kept");
      await engine.remove(name);
      await collectGarbage();
      expect(await content()).toEqual([...digestsOf(newer)].toSorted());
      await engine.remove("app:kept");
      expect(untagged).toEqual([name, "docker.io/library/app:kept"]);
      expect([await content(), await snapshots(), await lines("images", "ls", "-q")]).toEqual([[], [], []]);
    });

    it("downloads and unpacks once for pulls of several engines at the same time", async () => {
      const [one, two] = [await openOn(), await openOn()];
      await Promise.all([one.pull(name), one.pull(name), two.pull(name)]);
      expect(await snapshots()).toEqual(chain().toSorted());
      expect(await lines("leases", "ls", "-q")).toEqual([]);
      const counts = getCounts(registry); // documents may come once for each engine
      expect(image.layers.map(({ descriptor }) => counts.get(descriptor.digest))).toEqual([1, 1, 1]);
    });

    it("keeps its hands off what another client unpacks, and leaves that to it", async () => {
      const engine = await openOn();
      const pulling = lines("images", "pull", "--plain-http", "--snapshotter", SNAPSHOTTER, name);
      await Promise.all([engine.pull(name), pulling]);
      expect(await snapshots()).toEqual(chain().toSorted());
    });

    it("leaves nothing of an image whose layers are not what its config says", async () => {
      const diffIds = image.layers.map(({ diffId }) => diffId).toReversed();
      await buildImage(registry, "team/liar", {
        tag: "v1",
        layers: [70_000, 500, 3_000],
        config: { rootfs: { type: "layers", diff_ids: diffIds } },
      });
      const engine = await openOn();
      await expect(engine.pull(`${registry.host}/team/liar:v1`)).rejects.toMatchObject({
        code: "ERR_DATA_LOSS",
      });
      await collectGarbage();
      expect([await content(), await snapshots(), await lines("images", "ls", "-q")]).toEqual([[], [], []]);
      expect(await lines("leases", "ls", "-q")).toEqual([]);
    });

    it("unpacks what another client has brought, and keeps it with the config", async () => {
      await lines("content", "fetch", "--plain-http", name);
      const engine = await openOn();
      const before = registry.requests.length;
      await engine.unpack(name);
      await collectGarbage();
      expect(await snapshots()).toEqual(chain().toSorted());
      expect(registry.requests).toHaveLength(before);
    });

    it("has layers of an engine with content of its own unpacked, and kept by a lease of the caller's", async () => {
      await lines("leases", "create", "--id", "ours");
      const { layers } = await open({ lease: "ours" });
      await using engine = await openEngine({ layers });
      await engine.pull(name);
      await collectGarbage();
      expect(await snapshots()).toEqual(chain().toSorted());
      expect((await engine.images.list()).map((found) => found.name)).toEqual([name]);
      await lines("leases", "delete", "--sync", "ours");
      expect([await content(), await snapshots()]).toEqual([[], []]);
    });

    it("says which snapshotter is not there", async () => {
      await expect(open({ snapshotter: "none-such" })).rejects.toMatchObject({
        code: "ERR_INVALID_ARGUMENT",
        message: expect.stringContaining("none-such"),
      });
    });

    it("does all that on the command line", async () => {
      const place = ["--containerd", `unix://${daemon.socket}`, "--namespace", "moby"];
      const root = ["--root", join(folder, "root")];
      const drayage = (...args: readonly string[]): Promise<string> =>
        drayageOutput([...args, ...root, ...place]);
      const pulled = await drayage("pull", "-q", "--plain-http", "--snapshotter", SNAPSHOTTER, name);
      expect(pulled).toBe(`${name}@${image.descriptor.digest}\n`);
      expect(await lines("--namespace", "moby", "images", "ls", "-q")).toEqual([name]);
      expect(await drayage("images", "-q")).toBe(`${name}\n`);
      await drayage("tag", name, `${registry.host}/team/copy:v1`);
      await drayage("push", "--plain-http", `${registry.host}/team/copy:v1`);
      await drayage("rmi", name, `${registry.host}/team/copy:v1`);
      expect(await lines("--namespace", "moby", "content", "ls", "-q")).toEqual([]);
      expect((await (await openOn()).pull(`${registry.host}/team/copy:v1`)).digest).toBe(
        image.descriptor.digest,
      );
    });

    it.skipIf(!findPart("runc"))("pulls an image that ctr runs", async () => {
      await putShellImage(registry, { repository: "team/shell", tag: "v1" });
      const engine = await openOn();
      const shell = `${registry.host}/team/shell:v1`;
      await engine.pull(shell);
      await mkdir(join(folder, "tmp"));
      const env = { XDG_RUNTIME_DIR: join(folder, "tmp") };
      const runc = ["--runc-binary", findPart("runc")?.path ?? "runc"];
      const args = ["run", "--rm", ...runc, "--snapshotter", SNAPSHOTTER, shell, "shell"];
      expect(await ctr(daemon.socket, args, { env })).toBe(SHELL_SAYS);
    });
  });
});
