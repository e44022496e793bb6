import { defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { startChild } from "../support/child.ts";
import { findDownloaders } from "../support/downloaders.ts";
import { COMMAND, ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { serveImage } from "../support/served-image.ts";

/** A pull takes at most so many times what crane takes, which opens a connection for each layer. */
const AGAINST_CRANE = { timesBest: 1.2, of: ["crane"] };

/** What an engine has pulled before: enough for V8 to have compiled what is hot. As many layers, none of them one of the image's. */
const WARM = [
  { layers: 128, layerBytes: 32 * 1_024 },
  { layers: 130, layerBytes: 16 * 1_024 },
];

/** How fast images of many small layers come over a slow line. */
export const latency = defineBench({
  name: "latency",
  about: "images of 40 and 256 small layers over round trips of 50 ms, beside crane, oras and skopeo",
  options: {
    /** Images of so many layers, one after another. */
    layers: { type: "string", default: "40,256" },
    bytes: { type: "string", default: String(64 * 1_024) },
    /** Time of a round trip, in milliseconds. */
    trip: { type: "string", default: "50" },
  },
  runs: 5,
  warmsUp: true,
  claims: [
    { who: ENGINE, figure: "wallSeconds", limit: AGAINST_CRANE },
    { who: COMMAND, figure: "wallSeconds", limit: AGAINST_CRANE },
    { who: COMMAND, figure: "cpuSecondsEach", within: "256 layers", limit: { atMost: 0.0015 } },
    { who: COMMAND, figure: "connections", limit: { atMost: 32 } },
  ],
  title: ({ bytes, trip }) => `Layers of ${bytes} bytes, round trips of ${trip} ms`,
  async *cases({ layers, bytes, trip, data }) {
    await using stack = new AsyncDisposableStack();
    const before: string[] = [];
    for (const { layers: count, layerBytes } of WARM) {
      before.push(stack.use(await serveImage(count, layerBytes)).reference);
    }
    const { downloaders, missing } = await findDownloaders(before);
    for (const count of layers.split(",").map(Number)) {
      await using image = await serveImage(count, Number(bytes));
      const port = image.host.slice(image.host.indexOf(":") + 1);
      await using slow = startChild("latency/delay-child.ts", port, String(Number(trip) / 2));
      const reference = `127.0.0.1:${await slow.line()}/bench/image:v1`;
      yield {
        name: `${count} layers`,
        missing,
        contestants: downloaders.map((by) => ({
          name: by.name,
          measure: (): Promise<Sample> =>
            inFreshFolder(data, async (folder) => {
              const [cost, layout] = await by.download({ reference, tls: false, folder });
              const traffic = JSON.parse(await slow.ask()) as Sample;
              if (layout !== undefined) await assertArrived(layout, image.layers, true);
              return { ...cost, ...traffic, cpuSecondsEach: (cost.cpuSeconds ?? Number.NaN) / count };
            }),
        })),
      };
    }
  },
});
