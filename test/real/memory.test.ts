import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput } from "./support/drayage.ts";
import { type ImageRecipe, writeImage } from "./support/images.ts";
import { reportPeakMemory } from "./support/peak-memory.ts";
import { type Stage, startStage } from "./support/stage.ts";

const MIB = 1024 ** 2;

/** The most that a pull may take at any time, in bytes of resident memory, whatever it pulls. */
const PEAK_BYTES = 250_000_000;

/** Longest time for one test, in milliseconds: each moves far more bytes than the memory may hold. */
const TIMEOUT_MS = 90_000;

/** Layers of random bytes, which are sent as they are. */
function layersOf(count: number, bytes: number): ImageRecipe["layers"] {
  return Array.from({ length: count }, () => ({ bytes, compression: "none" }));
}

describeReal("the memory of a pull", ["docker-registry", "skopeo"], () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await startStage();
  });

  afterAll(() => stage.close());

  it.each([
    { title: "one layer of 1 GiB", layers: layersOf(1, 1024 * MIB), atOnce: "3" },
    { title: "eight layers at once", layers: layersOf(8, 64 * MIB), atOnce: "8" },
  ])(
    "stays bounded with $title",
    async ({ layers, atOnce }) => {
      const image = await writeImage(stage.layout, { layers });
      await stage.push("test/memory", image.manifest);
      const root = await stage.newRoot();
      const file = join(root, "peak-memory");

      const limit = ["--max-concurrent-downloads", atOnce];
      const args = ["pull", "-q", "--plain-http", "--root", root, ...limit, stage.nameOf("test/memory")];
      await drayageOutput(args, reportPeakMemory(file));

      const peak = Number(await readFile(file, "utf8"));
      expect(peak).toBeGreaterThan(MIB); // it was measured
      expect(peak).toBeLessThan(PEAK_BYTES);
    },
    TIMEOUT_MS,
  );
});
