import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hostsExamples } from "../../docs/support/hosts-examples.ts";
import { type CountingProxy, startCountingProxy } from "./counting-proxy.ts";
import { type RunningDrayage, startDrayage } from "./drayage.ts";
import { type MadeImage, writeImage } from "./images.ts";
import type { Stage } from "./stage.ts";

/** The repository that a fleet pulls from. */
export const REPOSITORY = "test/fleet";

/** One machine of a fleet: a data root of its own, and a process that pulls into it. */
export interface Machine {
  readonly root: string;
  readonly pull: RunningDrayage;
}

/** Machines that want one image, and are told of their cache by one hosts.toml and nothing else. */
export interface Fleet extends AsyncDisposable {
  /** What the machines call the registry: what they ask the origin without a cache comes by here. */
  readonly direct: CountingProxy;
  /** What the cache asks the origin comes by here. */
  readonly upstream: CountingProxy;
  /** Writes the hosts.toml, which is the one that the README has for docker-registry, with a cache before the origin. */
  configure(cacheUrl: string): Promise<void>;
  /** Starts so many machines at once. */
  start(tag: string, machines: number): Promise<readonly Machine[]>;
}

/** Puts an image of uncompressed layers into the origin, so many, and of so many bytes together. */
export async function pushFleetImage(
  stage: Stage,
  tag: string,
  { count, bytes }: { readonly count: number; readonly bytes: number },
): Promise<MadeImage> {
  const layers = Array.from({ length: count }, (_, number) => ({
    bytes: bytes / count,
    compression: "none" as const,
    seed: `${tag} ${number}`,
  }));
  const image = await writeImage(stage.layout, { layers });
  await stage.push(REPOSITORY, image.manifest, { tag });
  return image;
}

/** Opens both ways to the registry of a stage, which is the origin. The caller disposes of the fleet, and of its cache. */
export async function startFleet(stage: Stage): Promise<Fleet> {
  const direct = await startCountingProxy(stage.registry.host);
  const upstream = await startCountingProxy(stage.registry.host);
  const hosts = await mkdtemp(join(stage.folder, "hosts-"));
  return {
    direct,
    upstream,
    async configure(cacheUrl) {
      await mkdir(join(hosts, direct.host));
      const example = hostsExamples().find(({ what }) => what === "docker-registry");
      const code = example?.code
        .replaceAll("https://registry-1.docker.io", direct.url)
        .replaceAll("http://cache.internal:5000", cacheUrl);
      await writeFile(join(hosts, direct.host, "hosts.toml"), code ?? "");
    },
    async start(tag, machines) {
      const roots = await Promise.all(Array.from({ length: machines }, () => stage.newRoot()));
      return roots.map((root) => {
        const reference = `${direct.host}/${REPOSITORY}:${tag}`;
        return { root, pull: startDrayage(["pull", "-q", "--root", root, "--hosts-dir", hosts, reference]) };
      });
    },
    async [Symbol.asyncDispose]() {
      await direct.stop();
      await upstream.stop();
    },
  };
}
