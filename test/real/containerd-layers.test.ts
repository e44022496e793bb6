import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { openContainerd } from "../../src/containerd.ts";
import { describeLayerTarget } from "../xfer/layer-target-suite.ts";
import { type Containerd, canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";

/** The snapshotter of which every layer is a directory with all that lies below: no mount is needed to look at it. */
const SNAPSHOTTER = "native";

describeReal("layers of a real containerd", ["containerd"], () => {
  describe.skipIf(!canRunContainerd)("as root", () => {
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

    describeLayerTarget("openContainerd().layers", async () => {
      const namespace = `case-${serial++}`;
      const options = {
        address: `unix://${containerd.socket}`,
        namespace,
        snapshotter: SNAPSHOTTER,
      };
      const [one, two] = [await openContainerd(options), await openContainerd(options)];
      const inNamespace = (...args: readonly string[]): Promise<string> =>
        ctr(containerd.socket, ["--namespace", namespace, ...args]);
      const snapshots = (...args: readonly string[]): Promise<string> =>
        inNamespace("snapshots", "--snapshotter", SNAPSHOTTER, ...args);
      return {
        target: one.layers,
        other: two.layers,
        damaged: "ERR_UNKNOWN",
        async collect() {
          await inNamespace("leases", "create", "--id", "collect");
          await inNamespace("leases", "delete", "--sync", "collect");
        },
        async leftovers() {
          const active = (await snapshots("ls")).split("\n").filter((line) => line.includes("Active"));
          const ingests = await inNamespace("content", "active");
          return [...active, ...ingests.split("\n").filter((line) => line.includes("unpack "))];
        },
        async filesOf(chain) {
          const view = `view-${serial++}`;
          await snapshots("prepare", view, chain.at(-1) ?? ""); // a view would be garbage at once
          const [, source = ""] =
            /mount -t bind (\S+)/.exec(await snapshots("mounts", "/nowhere", view)) ?? [];
          const files = await readdir(source);
          await snapshots("rm", view);
          return files.toSorted();
        },
        async dispose() {
          await one.close();
          await two.close();
        },
      };
    });
  });
});
