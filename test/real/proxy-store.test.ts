import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { proxyStore } from "../../src/content/grpc/proxy-store.ts";
import { describeStore } from "../content/store-suite.ts";
import { type Containerd, canRunContainerd, startContainerd } from "./support/containerd.ts";
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
});
