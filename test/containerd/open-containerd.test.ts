import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ContainerdOptions, openContainerd } from "../../src/containerd.ts";
import { openLocalStore } from "../../src/content.ts";
import { serveContent } from "../../src/content-grpc.ts";
import { openDistribution } from "../../src/index.ts";

let folder: string;

const none = async (): Promise<never> => {
  throw new Error("not to be asked");
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-containerd-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe("openContainerd()", () => {
  it.each([
    ["no address", {}],
    ["an address that is none", { address: "/run/containerd.sock" }],
    ["a namespace that is none", { address: "unix:///run/none.sock", namespace: "a b" }],
    ["a snapshotter without a name", { address: "unix:///run/none.sock", snapshotter: "" }],
    ["a lease that is none", { address: "unix:///run/none.sock", lease: "a b" }],
    ["an option that there is not", { address: "unix:///run/none.sock", snapshoter: "native" }],
  ])("refuses %s", async (_, options) => {
    await expect(openContainerd(options as ContainerdOptions)).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
  });

  it("throws ErrUnavailable where nobody is", async () => {
    const opened = openContainerd({ address: `unix://${folder}/none.sock` });
    await expect(opened).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
  });

  it("throws ErrNotImplemented for a content service that is no containerd", async () => {
    await using store = await openLocalStore({ root: join(folder, "root") });
    await using server = await serveContent({ store, address: `unix://${folder}/content.sock` });
    await expect(openContainerd({ address: server.address })).rejects.toMatchObject({
      code: "ERR_NOT_IMPLEMENTED",
    });
  });
});

describe("openDistribution()", () => {
  it("refuses names of another place without content that somebody else collects", async () => {
    const images = { get: none, list: none, roots: none, tag: none, untag: none };
    await using content = await openLocalStore({ root: join(folder, "content") });
    for (const more of [{}, { content }]) {
      const opened = openDistribution({ root: join(folder, "root"), images, ...more });
      await expect(opened).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    }
  });
});
