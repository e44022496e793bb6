import { tmpdir } from "node:os";
import { selfSigned } from "../../src/testing/certificates/self-signed.ts";
import { startDockerRegistry } from "../../test/real/support/docker-registry.ts";
import { defineBench } from "../driver/bench.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { findDownloaders, PEERS } from "../support/downloaders.ts";
import { fillRegistry } from "../support/fill-registry.ts";
import { COMMAND, ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { findTlsFront } from "../support/tls-front.ts";

/** 1 GiB, by default in eight layers of 128 MiB. */
const IMAGE_BYTES = 1024 * 1024 * 1024;
const LAYERS = 8;

/** What an engine has pulled before: enough for it to have started all that it uses, and for V8 to have compiled what is hot. */
const WARM = ["bench/warm:v1", "bench/warm:v2"].map((name) => ({
  name,
  layers: 8,
  layerBytes: 128 * 1024 * 1024,
}));

const IMAGE = "bench/image:v1";

/** How fast an image comes from a registry on this machine into an OCI layout. */
export const download = defineBench({
  name: "download",
  about:
    "1 GiB in eight layers into an OCI layout, by HTTP or HTTPS, beside skopeo, crane, oras, ctr content fetch",
  options: {
    /** Where the image is made. */
    work: { type: "string", default: tmpdir() },
    layers: { type: "string", default: String(LAYERS) },
    /** HTTPS, as any registry that is not on this machine has it. */
    tls: { type: "boolean", default: false },
  },
  runs: 7,
  warmsUp: true,
  claims: [
    { who: ENGINE, figure: "wallSeconds", within: "HTTP", limit: { timesBest: 0.95, of: PEERS } },
    { who: ENGINE, figure: "cpuSeconds", within: "HTTP", limit: { timesBest: 0.9, of: PEERS } },
    { who: ENGINE, figure: "wallSeconds", within: "HTTPS", limit: { timesBest: 1, of: PEERS } },
    { who: COMMAND, figure: "wallSeconds", limit: { timesBest: 1.1, of: PEERS } },
    { who: ENGINE, figure: "loopP99Seconds", limit: { atMost: 0.03 } },
  ],
  title: ({ layers, tls }) =>
    `${layers} layers of ${Math.round(IMAGE_BYTES / Number(layers) / 1024 ** 2)} MiB by ${how(tls)}, verified`,
  async *cases({ data, work, layers, tls }) {
    const startFront = tls ? findTlsFront() : undefined;
    const isSecure = tls && startFront === undefined;
    await using registry = await startDockerRegistry({
      dataFolder: data,
      tls: isSecure ? selfSigned() : undefined,
    });
    await using front = await startFront?.(registry.url, data);
    const { host } = front ?? registry;
    const filled = { host: registry.host, tls: isSecure, work };
    const count = Number(layers);
    const layerBytes = Math.floor(IMAGE_BYTES / count);
    const wanted = await fillRegistry(filled, { name: IMAGE, layers: count, layerBytes });
    for (const warm of WARM) await fillRegistry(filled, warm);
    const { downloaders, missing } = await findDownloaders(WARM.map(({ name }) => `${host}/${name}`));
    yield {
      name: tls ? "HTTPS" : "HTTP",
      missing,
      bytes: count * layerBytes,
      contestants: downloaders.map((by) => ({
        name: by.name,
        measure: (round) =>
          inFreshFolder(data, async (folder) => {
            const [cost, layout] = await by.download({ reference: `${host}/${IMAGE}`, tls, folder });
            if (layout !== undefined) await assertArrived(layout, wanted, round === 0);
            return cost;
          }),
      })),
    };
  },
});

function how(tls: boolean): string {
  if (!tls) return "HTTP";
  return findTlsFront() ? "HTTPS (nginx before the registry)" : "HTTPS (the registry's own)";
}
