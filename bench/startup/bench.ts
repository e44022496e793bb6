import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { measure, measureOutput } from "../support/measure.ts";

/** Size of the image's only layer, in bytes. */
const LAYER_BYTES = 10 * 1_024;

const MAIN = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

const BARE = "node -e 0";
const [IMPORT, VERSION, PULL] = ['import "drayage"', "drayage --version", "drayage pull -q, 10 KiB"] as const;

/** What a start costs. The round that does not count keeps what was compiled. */
export const startup = defineBench({
  name: "startup",
  about: 'import "drayage", the command line and a small pull, beside node -e 0',
  options: {},
  runs: 7,
  warmsUp: true,
  claims: [
    { who: IMPORT, figure: "wallSeconds", limit: { atMost: 0.07 } },
    { who: VERSION, figure: "wallSeconds", limit: { timesBest: 3.5, of: [BARE] } },
    { who: PULL, figure: "wallSeconds", limit: { timesBest: 8, of: [BARE] } },
  ],
  title: () => "What a start costs",
  async *cases({ data }) {
    const directory = await mkdtemp(join(data, "drayage-bench-"));
    try {
      await using registry = await TestRegistry.start();
      await buildImage(registry, "bench/small", { tag: "v1", layers: [LAYER_BYTES] });
      const image = `${registry.host}/bench/small:v1`;
      const env = { ...process.env, XDG_CACHE_HOME: directory };
      const node = async (...args: string[]): Promise<Sample> =>
        await measure([process.execPath, ...args], env);
      const root = (round: number): string => join(directory, String(round));
      yield {
        name: "",
        contestants: [
          { name: BARE, measure: () => node("-e", "0") },
          { name: IMPORT, measure: () => measureImport("drayage", env) },
          { name: VERSION, measure: () => node(MAIN, "--version") },
          { name: "drayage --help", measure: () => node(MAIN, "--help") },
          { name: "drayage images", measure: () => node(MAIN, "images", "--root", root(0)) },
          { name: PULL, measure: (round) => node(MAIN, "pull", "-q", "--root", root(round), image) },
        ],
      };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
});

/** How long `import` takes in a process that has started; the other figures are those of the whole process. */
async function measureImport(name: string, env: NodeJS.ProcessEnv): Promise<Sample> {
  const program = `const start = performance.now(); await import("${name}"); console.log(performance.now() - start)`;
  const { cost, output } = await measureOutput([process.execPath, "--input-type=module", "-e", program], env);
  return { ...cost, wallSeconds: Number(output) / 1_000 };
}
