import { join } from "node:path";
import { defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { findDownloaders } from "../support/downloaders.ts";
import { COMMAND, ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { measureOutput } from "../support/measure.ts";
import { serveImage } from "../support/served-image.ts";

/** Images whose size must not show in the memory that a pull takes. */
const IMAGES = [
  { name: "1 GiB in 8 layers", layers: 8, layerBytes: 128 * 1024 ** 2 },
  { name: "one layer of 8 GiB", layers: 1, layerBytes: 8 * 1024 ** 3 },
] as const;

/** The image of the pulls that are repeated. */
const REPEATED = { layers: 5, layerBytes: 64 * 1_024 };

/** Most memory that a pull may take, in bytes. */
const MOST_BYTES = 250e6;

/** What may be left of each pull: less than the smallest object takes. */
const MOST_LEFT_BYTES = 12;

/**
 * V8 as it is without its compilers, which go on with the same functions for thousands of pulls. Each result is noted at everything
 * that it relies on, in lists that are cleared only when they are full.
 */
const UNCOMPILED = ["--no-sparkplug", "--no-maglev", "--no-turbofan"];

const [AGAIN, ANEW] = ["of what is there", "of what was removed"] as const;

const CHILD = join(import.meta.dirname, "repeat-child.ts");

/** How much memory pulls take, and whether they give it back. `data` needs 9 GiB of room. */
export const memory = defineBench({
  name: "memory",
  about:
    "peak memory of 1 GiB in 8 layers and of one layer of 8 GiB, and what 1,000 pulls in one engine leave behind",
  options: {
    /** Pulls that are measured, after as many that are not. */
    pulls: { type: "string", default: "1000" },
    /** Has V8 compile in the repeated pulls as well: what is left of each then comes to nothing after many thousands only. */
    compiled: { type: "boolean", default: false },
  },
  runs: 3,
  warmsUp: false,
  claims: [
    { who: ENGINE, figure: "peakBytes", limit: { atMost: MOST_BYTES } },
    { who: COMMAND, figure: "peakBytes", limit: { atMost: MOST_BYTES } },
    ...[AGAIN, ANEW].flatMap(
      (who) =>
        [
          { who, figure: "bytesEach", limit: { atMost: MOST_LEFT_BYTES } },
          { who, figure: "descriptorGrowth", limit: { atMost: 0 } },
        ] as const,
    ),
  ],
  title: () => "Memory of a pull by HTTP, and what is left of it",
  async *cases({ data, pulls, compiled }) {
    for (const { name, layers, layerBytes } of IMAGES) {
      await using image = await serveImage(layers, layerBytes);
      const { downloaders } = await findDownloaders();
      yield {
        name,
        bytes: layers * layerBytes,
        contestants: downloaders
          .filter((by) => by.name === ENGINE || by.name === COMMAND)
          .map((by) => ({
            name: by.name,
            measure: () =>
              inFreshFolder(data, async (folder) => {
                const [cost, layout = folder] = await by.download({
                  reference: image.reference,
                  tls: false,
                  folder,
                });
                await assertArrived(layout, image.layers, false);
                return cost;
              }),
          })),
      };
    }
    await using image = await serveImage(REPEATED.layers, REPEATED.layerBytes);
    yield {
      name: `${Number(pulls).toLocaleString("en")} pulls, one after another`,
      contestants: ([AGAIN, ANEW] as const).map((who) => ({
        name: who,
        measure: () =>
          inFreshFolder(data, (root) =>
            repeat([who === ANEW ? "anew" : "again", pulls, root, image.reference], compiled),
          ),
      })),
    };
  },
});

/** @param args of the program that repeats pulls */
async function repeat(args: readonly string[], isCompiled: boolean): Promise<Sample> {
  const flags = ["--expose-gc", "--no-warnings", ...(isCompiled ? [] : UNCOMPILED)];
  const { cost, output } = await measureOutput([process.execPath, ...flags, CHILD, ...args], process.env);
  return { ...cost, ...(JSON.parse(output) as Sample) };
}
