import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { drayage, drayageOutput } from "../real/support/drayage.ts";

let registry: TestRegistry;
let image: BuiltImage;
let root: string;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [70_000, 500] });
  name = `${registry.host}/team/app:v1`;
  root = await mkdtemp(join(tmpdir(), "drayage-dry-run-"));
});

afterEach(async () => {
  await registry.close();
  await rm(root, { recursive: true, force: true });
});

const pull = (...more: readonly string[]): readonly string[] => {
  return ["pull", "--plain-http", "--root", root, "--platform", "linux/amd64", ...more, name];
};

describe("drayage pull --dry-run", () => {
  it("tells of each content whether it is here, and downloads none", async () => {
    const before = await drayageOutput(pull("--dry-run"));
    const digests = [image.descriptor, image.config, ...image.layers.map(({ descriptor }) => descriptor)];
    for (const { digest } of digests) expect(before).toMatch(new RegExp(` no +${digest}`));
    expect(before).toMatch(/^Would download ([\d.]+kB) of \1$/m);
    expect(registry.requests.filter(({ kind }) => kind === "blob")).toEqual([]);
    expect(await readdir(join(root, "blobs")).catch(() => [])).toEqual([]);

    await drayageOutput(pull("-q"));
    const after = await drayageOutput(pull("--dry-run"));
    for (const { digest } of digests) expect(after).toMatch(new RegExp(` yes +${digest}`));
    expect(after).toContain("Would download 0B of ");
  });

  it("prints the name that a pull would print, where nothing else is wanted", async () => {
    expect(await drayageOutput(pull("--dry-run", "-q"))).toBe(`${name}@${image.descriptor.digest}\n`);
  });

  it("is refused for all tags", async () => {
    const { status, stderr } = await drayage(pull("--dry-run", "--all-tags"));
    expect([status, stderr]).toEqual([2, expect.stringContaining("--dry-run tells of one image")]);
    expect(registry.requests).toEqual([]);
  });
});
