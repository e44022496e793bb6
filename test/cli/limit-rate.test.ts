import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { drayage } from "../real/support/drayage.ts";

let registry: TestRegistry;
let root: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  await buildImage(registry, "app", { tag: "v1", layers: [10_000] });
  root = await mkdtemp(join(tmpdir(), "drayage-limit-rate-"));
});

afterEach(async () => {
  await registry.close();
  await rm(root, { recursive: true });
});

const pull = (limit: string) =>
  drayage(["pull", "--plain-http", "--root", root, "--limit-rate", limit, `${registry.host}/app:v1`]);

describe("`drayage pull --limit-rate`", () => {
  it.each([["10M"], ["off"], ["1k:10M"], ["00:00,10M 12:00,off"]])("takes %s", async (limit) => {
    expect(await pull(limit)).toMatchObject({ status: 0, stderr: "" });
  });

  it.each([
    ["512", /512B for bytes, as curl reads it, or 512k, as rclone does/],
    ["fast", /wanted one such as 512k, 10M, 1\.5GiB or off/],
    ["25:00,1M", /no time of day/],
  ])("refuses %s, and says what it wants", async (limit, words) => {
    const { status, stderr } = await pull(limit);
    expect(status).toBe(2);
    expect(stderr).toMatch(words);
    expect(registry.requests).toHaveLength(0);
  });
});
