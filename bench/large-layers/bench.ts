import { defineBench } from "../driver/bench.ts";
import { startChild } from "../support/child.ts";
import { ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { RunningEngine } from "../support/running-engine.ts";

/** Layers of one gibibyte each, in files of 16 MiB. */
const [LAYERS, FILES, FILE_BYTES] = [4, 64, 16 * 1024 * 1024];

/** What an engine takes that unpacks large layers. `data` needs 7 GiB of room. */
export const largeLayers = defineBench({
  name: "large-layers",
  about: "peak memory and event loop of an engine that pulls and unpacks four layers of a gibibyte",
  options: {},
  runs: 3,
  warmsUp: false,
  claims: [
    { who: ENGINE, figure: "peakBytes", limit: { atMost: 400 * 1024 ** 2 } },
    { who: ENGINE, figure: "loopP99Seconds", limit: { atMost: 0.03 } },
  ],
  title: () => `${LAYERS} layers of 1 GiB pulled and unpacked`,
  async *cases({ data }) {
    await using registry = startChild(
      "large-layers/registry-child.ts",
      ...[LAYERS, FILES, FILE_BYTES].map(String),
    );
    const reference = await registry.line();
    yield {
      name: "",
      contestants: [
        {
          name: ENGINE,
          measure: () =>
            inFreshFolder(data, async (root) => {
              await using engine = new RunningEngine();
              return await engine.ask({
                options: { root, layers: true, registry: { plainHttp: true } },
                reference,
              });
            }),
        },
      ],
    };
  },
});
