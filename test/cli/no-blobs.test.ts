import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { drayage, drayageOutput } from "../real/support/drayage.ts";

let registry: TestRegistry;
let image: BuiltImage;
let folder: string;
let root: string;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [70_000, 500] });
  name = `${registry.host}/team/app:v1`;
  folder = await mkdtemp(join(tmpdir(), "drayage-no-blobs-"));
  root = join(folder, "root");
});

afterEach(async () => {
  await registry.close();
  await rm(folder, { recursive: true, force: true });
});

const pull = (...more: readonly string[]): readonly string[] => [
  "pull",
  "-q",
  "--plain-http",
  "--root",
  root,
  "--platform",
  "linux/amd64",
  ...more,
  name,
];

describe("drayage pull --unpack --no-blobs", () => {
  it("leaves documents and unpacked layers, which make a root file system", async () => {
    await drayageOutput(pull("--unpack", "--no-blobs"));
    const documents = [image.descriptor, image.config].map(({ digest }) => digest.slice("sha256:".length));
    expect((await readdir(join(root, "blobs", "sha256"))).toSorted()).toEqual(documents.toSorted());
    const rootfs = join(folder, "rootfs");
    await drayageOutput(["rootfs", "-q", "--root", root, "--platform", "linux/amd64", name, rootfs]);
    expect(await readFile(join(rootfs, "layer-0"))).toHaveLength(70_000);
  });

  it("is told by an export which pull brings the blobs, and that pull does", async () => {
    await drayageOutput(pull("--unpack", "--no-blobs"));
    const save = ["export", "--root", root, name, join(folder, "image.tar")];
    const refused = await drayage(save);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(`get it with "drayage pull ${name}", which keeps blobs`);
    await drayageOutput(pull());
    await drayageOutput(save);
  });

  it("is refused without --unpack", async () => {
    const { status, stderr } = await drayage(pull("--no-blobs"));
    expect([status, stderr]).toEqual([2, expect.stringContaining("--no-blobs wants --unpack as well")]);
    expect(registry.requests).toEqual([]);
  });
});
