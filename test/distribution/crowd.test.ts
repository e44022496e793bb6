import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { digestsOf } from "./support/built-image.ts";
import { expectEachOnce, getCounts } from "./support/requests.ts";

const CHILD = new URL("support/crowd-child.ts", import.meta.url).pathname;

/** Open files that each process is allowed: the least that any usual system gives. */
const DESCRIPTORS = 256;

const MAX_SOCKETS_PER_HOST = 32;

let registry: TestRegistry;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-crowd-"));
  registry = await TestRegistry.start({ auth: { bearer: { username: "u", password: "p" } } });
});

afterEach(async () => {
  await registry.close();
  await rm(root, { recursive: true });
});

/** Pulls or pushes all names at once with few descriptors. Returns the messages of what failed. */
async function all(action: "pull" | "push", names: readonly string[]): Promise<readonly string[]> {
  const script = `ulimit -n ${DESCRIPTORS} && exec "$@"`;
  const command = [process.execPath, "--no-warnings", CHILD, action, root, ...names];
  const child = spawn("sh", ["-c", script, "sh", ...command], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout)) as string[];
}

function tokens(): number {
  return registry.requests.filter(({ kind }) => kind === "token").length;
}

describe("many pulls at once in a process that may open few files", () => {
  it("of one image of twenty layers fetch everything once", { timeout: 120_000 }, async () => {
    const layers = Array.from({ length: 20 }, (_, index) => 20_000 + index);
    const image = await buildImage(registry, "team/app", { tag: "v1", layers });
    const names = Array.from({ length: 1_000 }, () => `${registry.host}/team/app:v1`);
    expect(await all("pull", names)).toEqual([]);
    expectEachOnce(registry, digestsOf(image));
    expect(tokens()).toBe(1);
    expect(registry.mostConnections).toBeLessThanOrEqual(MAX_SOCKETS_PER_HOST);
  });

  it("of as many images fail in none of them, and nor do their pushes", { timeout: 120_000 }, async () => {
    const tags = Array.from({ length: 200 }, (_, index) => `v${index}`);
    for (const [index, tag] of tags.entries()) {
      await buildImage(registry, "team/app", { tag, layers: [1_000 + index, 2_000 + index] });
    }
    const names = tags.map((tag) => `${registry.host}/team/app:${tag}`);
    expect(await all("pull", names)).toEqual([]);
    expect(Math.max(...getCounts(registry).values())).toBe(1);
    expect(tokens()).toBe(1);
    expect(registry.mostConnections).toBeLessThanOrEqual(MAX_SOCKETS_PER_HOST);
    expect(await all("push", names)).toEqual([]);
    expect(registry.mostConnections).toBeLessThanOrEqual(MAX_SOCKETS_PER_HOST);
  });
});
