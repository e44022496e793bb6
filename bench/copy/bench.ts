import { tmpdir } from "node:os";
import {
  askRegistry,
  type DockerRegistry,
  startDockerRegistry,
} from "../../test/real/support/docker-registry.ts";
import { defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { fillRegistry } from "../support/fill-registry.ts";
import { COMMAND, ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { cpuSecondsOf } from "../support/measure.ts";
import { type Copier, findCopiers, PEERS } from "./copiers.ts";

/** 1 GiB, by default in eight layers of 128 MiB. */
const IMAGE_BYTES = 1024 * 1024 * 1024;
const LAYERS = 8;

const IMAGE = "bench/image:v1";

/** What an engine has copied before from and to the same registries: it knows them then, as one does that has been running. */
const WARM = { name: "bench/warm:v1", layers: 8, layerBytes: 4 * 1024 * 1024 };

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** How fast an image goes from one registry on this machine to another. */
export const copy = defineBench({
  name: "copy",
  about: "1 GiB in eight layers from one registry to another, beside skopeo, crane, oras",
  options: {
    /** Where the image is made. */
    work: { type: "string", default: tmpdir() },
    layers: { type: "string", default: String(LAYERS) },
  },
  runs: 5,
  warmsUp: true,
  claims: [
    { who: ENGINE, figure: "wallSeconds", limit: { timesBest: 1, of: PEERS } },
    { who: COMMAND, figure: "peakBytes", limit: { atMost: 150e6 } },
  ],
  title: ({ layers }) =>
    `${layers} layers of ${Math.round(IMAGE_BYTES / Number(layers) / 1024 ** 2)} MiB, registry to registry by HTTP; the server's CPU time is that of both, for an engine with 32 MiB that it has copied before`,
  async *cases({ data, work, layers }) {
    await using source = await startDockerRegistry({ dataFolder: data });
    const filled = { host: source.host, tls: false, work };
    const count = Number(layers);
    const layerBytes = Math.floor(IMAGE_BYTES / count);
    await fillRegistry(filled, { name: IMAGE, layers: count, layerBytes });
    await fillRegistry(filled, WARM);
    await using found = findCopiers();
    const { copiers, missing } = found;
    yield {
      name: "",
      missing,
      bytes: count * layerBytes,
      contestants: copiers.map((copier) => ({
        name: copier.name,
        measure: () => inFreshFolder(data, (folder) => copyOnce(copier, source, folder)),
      })),
    };
  },
});

/** One copy to a registry that has none of it. */
async function copyOnce(copier: Copier, source: DockerRegistry, folder: string): Promise<Sample> {
  await using target = await startDockerRegistry({ dataFolder: folder });
  const startedAt = cpuSecondsOf(source.pid);
  const cost = await copier.copy({
    source: `${source.host}/${IMAGE}`,
    target: `${target.host}/${IMAGE}`,
    before: { reference: `${source.host}/${WARM.name}`, copyTo: `${target.host}/${WARM.name}` },
    folder,
  });
  const serverCpuSeconds = cpuSecondsOf(source.pid) - startedAt + cpuSecondsOf(target.pid);
  await assertCopied(source, target);
  return { ...cost, serverCpuSeconds };
}

/** Throws unless both have the same manifest; that of a registry which checks digests itself has all that it names. */
async function assertCopied(...registries: readonly DockerRegistry[]): Promise<void> {
  const manifest = `/v2/${IMAGE.replace(":", "/manifests/")}`;
  const [wanted, got] = await Promise.all(
    registries.map(async ({ url }) => {
      const { headers } = await askRegistry(`${url}${manifest}`, { accept: MANIFEST });
      return headers["docker-content-digest"];
    }),
  );
  if (wanted === undefined || got !== wanted) {
    throw new Error(`Cannot count the copy: got ${String(got)}, wanted ${String(wanted)}`);
  }
}
