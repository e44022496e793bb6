import { tmpdir } from "node:os";
import type { Digest } from "../../src/digest/digest.ts";
import { openDistribution } from "../../src/index.ts";
import { DOCKER_MANIFEST } from "../../src/oci/media-types.ts";
import { selfSigned } from "../../src/testing/certificates/self-signed.ts";
import { startDockerRegistry } from "../../test/real/support/docker-registry.ts";
import { defineBench } from "../driver/bench.ts";
import type { Claim } from "../driver/claims.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { type Download, findDownloaders, PEERS } from "../support/downloaders.ts";
import { fillRegistry, type RegistryToFill } from "../support/fill-registry.ts";
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

/** The cases. */
const [HTTP, HTTPS, NAMED] = ["HTTP", "HTTPS", "the image named"] as const;

/** How fast an image comes from a registry on this machine into an OCI layout. */
export const download = defineBench({
  name: "download",
  about:
    "1 GiB in eight layers, or an image that --image names, into an OCI layout, by HTTP or HTTPS, beside skopeo, crane, oras, ctr content fetch",
  options: {
    /** Where the image is made. */
    work: { type: "string", default: tmpdir() },
    layers: { type: "string", default: String(LAYERS) },
    /** HTTPS, as any registry that is not on this machine has it. */
    tls: { type: "boolean", default: false },
    /** Another image: `host:port/repository:tag` at a registry that speaks plain HTTP, not an index. */
    image: { type: "string" },
  },
  runs: 7,
  warmsUp: true,
  claims: [
    { who: ENGINE, figure: "wallSeconds", within: HTTP, limit: { timesBest: 0.95, of: PEERS } },
    { who: ENGINE, figure: "cpuSeconds", within: HTTP, limit: { timesBest: 0.9, of: PEERS } },
    ...[HTTPS, NAMED].map((within): Claim => {
      return { who: ENGINE, figure: "wallSeconds", within, limit: { timesBest: 1, of: PEERS } };
    }),
    ...[HTTP, HTTPS].map((within): Claim => {
      return { who: COMMAND, figure: "wallSeconds", within, limit: { timesBest: 1.1, of: PEERS } };
    }),
    { who: COMMAND, figure: "wallSeconds", within: NAMED, limit: { timesBest: 1.25, of: PEERS } },
    { who: ENGINE, figure: "loopP99Seconds", limit: { atMost: 0.03 } },
  ],
  title: ({ layers, tls, image }) =>
    image === undefined
      ? `${layers} layers of ${Math.round(IMAGE_BYTES / Number(layers) / 1024 ** 2)} MiB by ${how(tls)}, verified`
      : `${image} by HTTP, verified`,
  async *cases({ data, work, layers, tls, image }) {
    if (tls && image !== undefined) throw new Error("Cannot measure: wanted --tls or --image, not both");
    const startFront = tls ? findTlsFront() : undefined;
    const isSecure = tls && startFront === undefined;
    await using registry = await startDockerRegistry({
      dataFolder: data,
      tls: isSecure ? selfSigned() : undefined,
    });
    await using front = await startFront?.(registry.url, data);
    const { host } = front ?? registry;
    const filled = { host: registry.host, tls: isSecure, work };
    const wanted =
      image === undefined
        ? await fillWith(filled, { layers: Number(layers), host })
        : await find(image, data);
    for (const warm of WARM) await fillRegistry(filled, warm);
    const { downloaders, missing } = await findDownloaders(WARM.map(({ name }) => `${host}/${name}`));
    yield {
      name: image !== undefined ? NAMED : tls ? HTTPS : HTTP,
      missing,
      bytes: wanted.bytes,
      contestants: downloaders.map((by) => ({
        name: by.name,
        measure: (round) =>
          inFreshFolder(data, async (folder) => {
            const [cost, layout] = await by.download({ ...wanted.job, tls, folder });
            if (layout !== undefined) await assertArrived(layout, wanted.digests, round === 0);
            return cost;
          }),
      })),
    };
  },
});

/** What everybody downloads. */
interface Wanted {
  readonly job: Pick<Download, "reference" | "isOfDocker">;
  /** Of its layers. */
  readonly digests: readonly Digest[];
  readonly bytes: number;
}

/** The image as those who download know it: by `host`. */
async function fillWith(
  filled: RegistryToFill,
  { layers, host }: { readonly layers: number; readonly host: string },
): Promise<Wanted> {
  const layerBytes = Math.floor(IMAGE_BYTES / layers);
  const digests = await fillRegistry(filled, { name: IMAGE, layers, layerBytes });
  return { job: { reference: `${host}/${IMAGE}` }, digests, bytes: layers * layerBytes };
}

/** Asks the registry. Throws for an index, of which some take all images and some one. */
async function find(reference: string, data: string): Promise<Wanted> {
  return await inFreshFolder(data, async (root) => {
    await using distribution = await openDistribution({ root, registry: { plainHttp: true } });
    const { target, manifest, layers, size } = await distribution.inspect(reference, { from: "registry" });
    if (manifest?.digest !== target.digest) throw new Error(`Cannot measure ${reference}: it is an index`);
    return {
      job: { reference, isOfDocker: manifest.mediaType === DOCKER_MANIFEST },
      digests: layers.map(({ digest }) => digest),
      bytes: size,
    };
  });
}

function how(tls: boolean): string {
  if (!tls) return "HTTP";
  return findTlsFront() ? "HTTPS (nginx before the registry)" : "HTTPS (the registry's own)";
}
