import { copyFile, link, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { selfSigned } from "../../src/testing/certificates/self-signed.ts";
import {
  askRegistry,
  type DockerRegistry,
  startDockerRegistry,
} from "../../test/real/support/docker-registry.ts";
import { tagInLayout, writeImage } from "../../test/real/support/images.ts";
import { defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { COMMAND, ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { cpuSecondsOf } from "../support/measure.ts";
import { findPushers, PEERS, type Pusher } from "./pushers.ts";

/** 1 GiB that does not compress, by default in eight layers of 128 MiB. */
const IMAGE_BYTES = 1024 * 1024 * 1024;
const LAYERS = 8;

const SOURCE = "localhost/bench/push:v1";

/** How fast an image goes from an OCI layout to a registry on this machine. */
export const push = defineBench({
  name: "push",
  about:
    "1 GiB in eight layers from an OCI layout to a registry, by HTTP or HTTPS, beside skopeo, crane, oras",
  options: {
    /** Where the image is made. */
    work: { type: "string", default: tmpdir() },
    layers: { type: "string", default: String(LAYERS) },
    /** HTTPS, as any registry that is not on this machine has it. */
    tls: { type: "boolean", default: false },
  },
  runs: 5,
  warmsUp: false,
  claims: [
    { who: ENGINE, figure: "wallSeconds", limit: { timesBest: 1, of: PEERS } },
    { who: COMMAND, figure: "wallSeconds", limit: { timesBest: 1.1, of: PEERS } },
  ],
  title: ({ layers, tls }) =>
    `${layers} layers of ${Math.round(IMAGE_BYTES / Number(layers) / 1024 ** 2)} MiB, layout to registry by ${tls ? "HTTPS" : "HTTP"}; the server's CPU time is the registry's`,
  async *cases({ work, data, layers, tls: speaksTls }) {
    const tls = speaksTls ? selfSigned() : undefined;
    const { pushers, missing } = findPushers();
    await mkdir(work, { recursive: true });
    const folder = await mkdtemp(join(work, "drayage-bench-"));
    try {
      const count = Number(layers);
      const bytes = Math.floor(IMAGE_BYTES / count);
      const original = join(folder, "original");
      const recipe = Array.from({ length: count }, () => ({ bytes, compression: "none" as const }));
      const { manifest } = await writeImage(original, { layers: recipe });
      await tagInLayout(original, SOURCE, manifest);
      const measure = async (pusher: Pusher): Promise<Sample> => {
        await using registry = await startDockerRegistry({ dataFolder: data, tls });
        return await pushOnce(pusher, registry, { folder, original, manifest });
      };
      yield {
        name: "",
        missing,
        bytes: count * bytes,
        contestants: pushers.map((pusher) => ({ name: pusher.name, measure: () => measure(pusher) })),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

interface Original {
  readonly folder: string;
  readonly original: string;
  readonly manifest: Descriptor;
}

/** One push to a registry that has never seen anything, from a layout that nobody has pushed from. */
async function pushOnce(
  pusher: Pusher,
  registry: DockerRegistry,
  { folder, original, manifest }: Original,
): Promise<Sample> {
  return await inFreshFolder(folder, async (layout) => {
    await linkLayout(original, layout);
    const job = { layout, source: SOURCE, target: `${registry.host}/bench/push:v1` };
    const cost = await pusher.push({ ...job, tls: registry.url.startsWith("https:") }, folder);
    const serverCpuSeconds = cpuSecondsOf(registry.pid);
    await assertPushed(registry, manifest);
    return { ...cost, serverCpuSeconds };
  });
}

/** The layout under a new folder: its blobs are links, and no push has left notes there. */
async function linkLayout(original: string, layout: string): Promise<void> {
  const blobs = join("blobs", "sha256");
  await mkdir(join(layout, blobs), { recursive: true });
  for (const name of await readdir(join(original, blobs))) {
    await link(join(original, blobs, name), join(layout, blobs, name));
  }
  for (const name of ["oci-layout", "index.json"]) await copyFile(join(original, name), join(layout, name));
}

/** Throws when the registry, which checks digests itself, does not have the image as it was. */
async function assertPushed({ url }: DockerRegistry, { mediaType, digest }: Descriptor): Promise<void> {
  const { status, headers } = await askRegistry(`${url}/v2/bench/push/manifests/v1`, { accept: mediaType });
  const got = headers["docker-content-digest"];
  if (got !== digest)
    throw new Error(`Cannot count the push: got ${got?.toString() ?? status}, wanted ${digest}`);
}
