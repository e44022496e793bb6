import type { RangeOptions } from "../../src/remotes/ranges/ranges.ts";
import { type Contestant, defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { startChild } from "../support/child.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { RunningEngine } from "../support/running-engine.ts";
import { type ServedImage, serveImage } from "../support/served-image.ts";

const [IN_RANGES, IN_ONE] = ["drayage in ranges", "drayage in one stream"] as const;

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
  ],
  title: ({ size, rate, "at-once": atOnce }) => `${size} MiB at ${rate} bytes per second for each of ${atOnce}`,
  async *cases({ size, rate, data, "at-once": atOnce }) {
    await using image = await serveImage(1, Number(size) * MIB);
    const most = Number(atOnce);
    for (const [name, slow, one] of [
      ["even", -1, true],
      ["one connection at a twentieth", 3, false],
    ] as const) {
      const port = image.host.slice(image.host.indexOf(":") + 1);
      await using capped = startChild("ranges/capped-child.ts", port, rate, String(slow));
      const host = `127.0.0.1:${await capped.line()}`;
      const ask = async (): Promise<Sample> => JSON.parse(await capped.ask()) as Sample;
      yield {
        name,
        bytes: Number(size) * MIB,
        contestants: [
          engine(IN_RANGES, { host, image, data, ask, ranges: { atOnce: most } }),
          ...(one ? [engine(IN_ONE, { host, image, data, ask, ranges: false })] : []),
        ],
      };
    }
    const { host } = image;
    const ask = async (): Promise<Sample> => ({});
    yield {
      name: "local",
      bytes: Number(size) * MIB,
      contestants: [
        engine(IN_RANGES, { host, image, data, ask, ranges: { atOnce: most } }),
        engine(IN_ONE, { host, image, data, ask, ranges: false }),
      ],
    };
  },
});

/** What is pulled, from where, and how. */
interface Pull {
  readonly host: string;
  readonly image: ServedImage;
  readonly data: string;
  /** What the server tells of it. */
  readonly ask: () => Promise<Sample>;
  readonly ranges: false | RangeOptions;
}

function engine(name: string, { host, image, data, ask, ranges: how }: Pull): Contestant {
  return {
    name,
    measure: () =>
      inFreshFolder(data, async (root) => {
        await using running = new RunningEngine();
        const options = { root, registry: { plainHttp: true }, ranges: how };
        const cost = await running.ask({ options, reference: `${host}/bench/image:v1` });
        await assertArrived(root, image.layers, false); // its digest was compared when it came
        return { ...cost, ...(await ask()) };
      }),
  };
}
