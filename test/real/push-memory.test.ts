import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestRegistry } from "../../src/testing/test-registry.ts";
import { drayageOutput } from "./support/drayage.ts";
import { tagInLayout } from "./support/images.ts";
import { reportPeakMemory } from "./support/peak-memory.ts";
import { writeSparseImage } from "./support/sparse-image.ts";

const MIB = 1024 ** 2;

/** The most that a push may take at any time, in bytes of resident memory, whatever it pushes. */
const PEAK_BYTES = 250_000_000;

/** Longest time for the test, in milliseconds: it moves 4 GiB. */
const TIMEOUT_MS = 120_000;

const LOCAL = "localhost/local/image:v1";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-real-"));
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe("the memory of a push", () => {
  it("stays bounded with 4 GiB in layers of 512 MiB", { timeout: TIMEOUT_MS }, async () => {
    const layers = { count: 8, bytes: 512 * MIB };
    const manifest = await writeSparseImage(root, layers);
    await tagInLayout(root, LOCAL, manifest);
    await using registry = await TestRegistry.start();
    const target = `${registry.host}/test/memory:v1`;
    const file = join(root, "peak-memory");

    const args = ["push", "-q", "--plain-http", "--root", root, LOCAL, target];
    await drayageOutput(args, reportPeakMemory(file));

    expect(registry.manifest("test/memory", "v1")?.digest).toBe(manifest.digest);
    const sent = registry.requests.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
    expect(sent).toBeGreaterThan(layers.count * layers.bytes);
    const peak = Number(await readFile(file, "utf8"));
    expect(peak).toBeGreaterThan(MIB); // it was measured
    expect(peak).toBeLessThan(PEAK_BYTES);
  });
});
