import type { RangeOptions } from "../../src/remotes/ranges/ranges.ts";
import { type Contestant, defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { startChild } from "../support/child.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { RunningEngine } from "../support/running-engine.ts";
import { type ServedImage, serveImage } from "../support/served-image.ts";

const [IN_RANGES, IN_ONE] = ["drayage in ranges", "drayage in one stream"] as const;
const FROM_TWO = "drayage from two endpoints";

/** What an endpoint sends over all connections, where there are two of them, as a multiple of what it sends over one. */
const TOTAL = 4;

const MIB = 1024 * 1024;

/** How fast one large layer comes from a server that limits each connection. */
export const ranges = defineBench({
  name: "ranges",
  about: "one large layer from a server that sends 30 MB/s over each connection, in ranges and in one stream",
  options: {
    /** Size of the layer in MiB. */
    size: { type: "string", default: "1024" },
    /** Bytes per second over each connection. */
    rate: { type: "string", default: "30000000" },
    /** Most connections. */
    "at-once": { type: "string", default: "8" },
  },
  runs: 3,
  warmsUp: false,
  claims: [
    { who: IN_RANGES, figure: "wallSeconds", within: "even", limit: { timesBest: 1 / 6, of: [IN_ONE] } },
    { who: IN_RANGES, figure: "wallSeconds", within: "local", limit: { timesBest: 1.05, of: [IN_ONE] } },
    { who: FROM_TWO, figure: "wallSeconds", limit: { timesBest: 1 / 1.8, of: [IN_RANGES] } },
  ],
  title: ({ size, rate, "at-once": atOnce }) =>
    `${size} MiB at ${rate} bytes per second for each of ${atOnce}`,
  async *cases({ size, rate, data, "at-once": atOnce }) {
    await using image = await serveImage(1, Number(size) * MIB);
    const most = Number(atOnce);
    const bytes = Number(size) * MIB;
    const each = Number(rate);
    for (const [name, slow, one] of [
      ["even", -1, true],
      ["one connection at a twentieth", 3, false],
    ] as const) {
      await using server = await capped(image, { each, all: each * most * 2, slow });
      const pull = { ...server, image, data };
      yield {
        name,
        bytes,
        contestants: [
          engine(IN_RANGES, { ...pull, ranges: { atOnce: most } }),
          ...(one ? [engine(IN_ONE, { ...pull, ranges: false })] : []),
        ],
      };
    }
    await using server = await capped(image, { each, all: each * TOTAL, slow: -1 });
    await using mirror = await capped(image, { each, all: each * TOTAL, slow: -1 });
    const both = { ...server, image, data, mirror: mirror.host };
    yield {
      name: "two endpoints",
      bytes,
      contestants: [
        engine(IN_RANGES, { ...both, ranges: { atOnce: 2 * TOTAL } }),
        engine(FROM_TWO, { ...both, ranges: { atOnce: 2 * TOTAL, from: "all" } }),
      ],
    };
    const { host } = image;
    const local = { host, image, data, ask: async (): Promise<Sample> => ({}) };
    yield {
      name: "local",
      bytes,
      contestants: [
        engine(IN_RANGES, { ...local, ranges: { atOnce: most } }),
        engine(IN_ONE, { ...local, ranges: false }),
      ],
    };
  },
});

/** What is pulled, from where, and how. */
interface Pull {
  readonly host: string;
  /** A mirror of it, which is asked first. */
  readonly mirror?: string;
  readonly image: ServedImage;
  readonly data: string;
  /** What the server tells of it. */
  readonly ask: () => Promise<Sample>;
  readonly ranges: false | RangeOptions;
}

/** The image behind a limit. */
async function capped(
  image: ServedImage,
  { each, all, slow }: { readonly each: number; readonly all: number; readonly slow: number },
) {
  const port = image.host.slice(image.host.indexOf(":") + 1);
  const child = startChild("ranges/capped-child.ts", port, String(each), String(all), String(slow));
  return {
    host: `127.0.0.1:${await child.line()}`,
    ask: async (): Promise<Sample> => JSON.parse(await child.ask()) as Sample,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

function engine(name: string, { host, mirror, image, data, ask, ranges: how }: Pull): Contestant {
  return {
    name,
    measure: () =>
      inFreshFolder(data, async (root) => {
        await using running = new RunningEngine();
        const mirrors = mirror === undefined ? {} : { [host]: [`http://${mirror}`] };
        const options = { root, registry: { plainHttp: true, mirrors }, ranges: how };
        const cost = await running.ask({ options, reference: `${host}/bench/image:v1` });
        await assertArrived(root, image.layers, false); // its digest was compared when it came
        return { ...cost, ...(await ask()) };
      }),
  };
}
