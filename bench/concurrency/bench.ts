import { tmpdir } from "node:os";
import { startDockerRegistry } from "../../test/real/support/docker-registry.ts";
import { type Contestant, defineBench } from "../driver/bench.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { curlAll } from "../support/curl.ts";
import { findDownloaders } from "../support/downloaders.ts";
import { fillRegistry } from "../support/fill-registry.ts";
import { ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { measure } from "../support/measure.ts";

/** 1 GiB in as many layers as are ever downloaded at once. */
const IMAGE = { name: "bench/image:v1", layers: 32, layerBytes: 32 * 1024 * 1024 };

/** What an engine has pulled before. */
const WARM = { name: "bench/warm:v1", layers: 4, layerBytes: 128 * 1024 * 1024 };

/** Those beside us who can be told how many layers they download at once. */
const PEERS: readonly string[] = ["oras"];

/** How the rate depends on how many layers are downloaded at once. */
export const concurrency = defineBench({
  name: "concurrency",
  about: "1 GiB in 32 layers by 1, 2, 4, 8, 16 and 32 downloads at once, beside oras and, as a floor, curl",
  options: {
    /** Where the image is made. */
    work: { type: "string", default: tmpdir() },
    /** How many downloads at once, one after another. */
    at: { type: "string", default: "1,2,4,8,16,32" },
  },
  runs: 5,
  warmsUp: true,
  claims: [{ who: ENGINE, figure: "wallSeconds", limit: { timesBest: 1, of: PEERS } }],
  plot: { across: "downloads at once", scale: "logarithmic", figure: "bytesPerSecond" },
  title: () => `1 GiB in ${IMAGE.layers} layers by HTTP`,
  async *cases({ data, work, at }) {
    await using registry = await startDockerRegistry({ dataFolder: data });
    const { host, url } = registry;
    const wanted = await fillRegistry({ host, tls: false, work }, IMAGE);
    await fillRegistry({ host, tls: false, work }, WARM);
    const found = await findDownloaders([`${host}/${WARM.name}`]);
    const able = [ENGINE, ...PEERS];
    const urls = wanted.map((digest) => `${url}/v2/bench/image/blobs/${digest}`);
    for (const atOnce of at.split(",").map(Number)) {
      const contestants = found.downloaders
        .filter(({ name }) => able.includes(name))
        .map((by): Contestant => {
          return {
            name: by.name,
            measure: (round) =>
              inFreshFolder(data, async (folder) => {
                const job = { reference: `${host}/${IMAGE.name}`, tls: false, folder, atOnce };
                const [cost, layout] = await by.download(job);
                if (layout !== undefined) await assertArrived(layout, wanted, round === 0);
                return cost;
              }),
          };
        });
      const curl: Contestant = {
        name: "curl, unverified",
        measure: () =>
          inFreshFolder(data, (folder) => measure(curlAll(urls, { folder, atOnce }), process.env)),
      };
      yield {
        name: `${atOnce} at once`,
        at: atOnce,
        missing: found.missing.filter((name) => able.includes(name)),
        bytes: IMAGE.layers * IMAGE.layerBytes,
        contestants: [...contestants, curl],
      };
    }
  },
});
