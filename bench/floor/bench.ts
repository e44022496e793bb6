import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { startDockerRegistry } from "../../test/real/support/docker-registry.ts";
import { defineBench } from "../driver/bench.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { curlAll } from "../support/curl.ts";
import { findDownloaders } from "../support/downloaders.ts";
import { fillRegistry } from "../support/fill-registry.ts";
import { COMMAND, ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { measure } from "../support/measure.ts";

/** 1 GiB in eight layers, as in the bench of downloads. */
const IMAGE = { name: "bench/image:v1", layers: 8, layerBytes: 128 * 1024 * 1024 };

const BYTES = IMAGE.layers * IMAGE.layerBytes;

/** What an engine has pulled before. */
const WARM = { ...IMAGE, name: "bench/warm:v1", layers: 4 };

const FLOOR = "floor: curl to files, then openssl sha256";

/** What is measured of a part: a folder for it, the URLs of the layers, and a folder that has them all. */
interface Place {
  readonly folder: string;
  readonly urls: readonly string[];
  readonly layers: string;
}

/** Each part as a command. */
const PARTS: ReadonlyArray<readonly [name: string, command: (place: Place) => readonly string[]]> = [
  [
    FLOOR,
    ({ folder, urls }) => [
      "sh",
      "-c",
      `cd ${folder} && "$@" && printf '%s\\0' * | xargs -0 -n 1 -P ${availableParallelism()} openssl sha256`,
      "sh",
      ...curlAll(urls, { folder, atOnce: IMAGE.layers }),
    ],
  ],
  ["receive: curl to nothing", ({ urls }) => curlAll(urls, { atOnce: IMAGE.layers })],
  ["receive and write: curl to files", ({ folder, urls }) => curlAll(urls, { folder, atOnce: IMAGE.layers })],
  ["read and hash, one thread: openssl", ({ layers }) => ["sh", "-c", `openssl sha256 ${layers}/*`]],
  ["read and hash, one thread: sha256sum", ({ layers }) => ["sh", "-c", `sha256sum ${layers}/*`]],
  [
    "write, one thread: dd",
    ({ folder }) => ["dd", "if=/dev/zero", `of=${folder}/zeros`, "bs=256K", `count=${BYTES / 2 ** 18}`],
  ],
];

/** How far a pull is from what has to be done in any case. */
export const floor = defineBench({
  name: "floor",
  about:
    "1 GiB in eight layers beside what has to be done in any case: receive, one SHA-256, one write (curl, openssl, dd)",
  options: {
    /** Where the image is made. */
    work: { type: "string", default: tmpdir() },
  },
  runs: 7,
  warmsUp: true,
  claims: [
    { who: ENGINE, figure: "wallSeconds", limit: { timesBest: 1, of: [FLOOR] } },
    { who: ENGINE, figure: "cpuSeconds", limit: { timesBest: 1.1, of: [FLOOR] } },
  ],
  title: () => `1 GiB in ${IMAGE.layers} layers by HTTP, and the parts of it that nobody can leave out`,
  async *cases({ data, work }) {
    await using registry = await startDockerRegistry({ dataFolder: data });
    const { host, url } = registry;
    const wanted = await fillRegistry({ host, tls: false, work }, IMAGE);
    await fillRegistry({ host, tls: false, work }, WARM);
    const { downloaders } = await findDownloaders([`${host}/${WARM.name}`]);
    const layers = await mkdtemp(join(data, "drayage-bench-"));
    try {
      const urls = wanted.map((digest) => `${url}/v2/bench/image/blobs/${digest}`);
      await measure(curlAll(urls, { folder: layers, atOnce: 1 }), process.env);
      await assertArrived(layers, wanted, true);
      const reference = `${host}/${IMAGE.name}`;
      yield {
        name: "",
        bytes: BYTES,
        contestants: [
          ...downloaders
            .filter(({ name }) => name === ENGINE || name === COMMAND)
            .map((by) => ({
              name: by.name,
              measure: () =>
                inFreshFolder(data, async (folder) => {
                  const [cost, layout = folder] = await by.download({ reference, tls: false, folder });
                  await assertArrived(layout, wanted, false);
                  return cost;
                }),
            })),
          ...PARTS.map(([name, command]) => ({
            name,
            measure: () =>
              inFreshFolder(data, (folder) => measure(command({ folder, urls, layers }), process.env)),
          })),
        ],
      };
    } finally {
      await rm(layers, { recursive: true, force: true });
    }
  },
});
