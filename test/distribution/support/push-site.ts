import type { Descriptor } from "../../../src/images.ts";
import type { DistributionOptions } from "../../../src/index.ts";
import {
  type BuildImageOptions,
  type BuiltImage,
  buildImage,
  type RequestRecord,
  TestRegistry,
  type TestRegistryOptions,
} from "../../../src/testing.ts";
import { type Engine, openEngine } from "./engine.ts";

/** Where the images of a site come from and go to. */
export const REPOSITORY = "team/app";

/** A registry that has images, one that gets them, and an engine between them. */
export interface PushSite extends AsyncDisposable {
  readonly source: TestRegistry;
  readonly target: TestRegistry;
  readonly engine: Engine;
  /** `REPOSITORY` in full at either registry. */
  readonly from: string;
  readonly to: string;
  /** Builds an image at the source, `v1` by default, and pulls it. */
  pulled(options: BuildImageOptions): Promise<BuiltImage>;
}

/** What a site is made of. */
export interface PushSiteOptions {
  readonly target?: TestRegistryOptions | undefined;
  readonly engine?: Partial<DistributionOptions> | undefined;
}

/** Starts a site. The source goes by another host name, so that nothing pulled from it looks mountable at the target. */
export async function pushSite(options: PushSiteOptions = {}): Promise<PushSite> {
  const source = await TestRegistry.start();
  const target = await TestRegistry.start(options.target);
  const engine = await openEngine(options.engine);
  const from = `localhost:${new URL(source.url).port}/${REPOSITORY}`;
  return {
    source,
    target,
    engine,
    from,
    to: `${target.host}/${REPOSITORY}`,
    async pulled({ tag = "v1", ...rest }) {
      const image = await buildImage(source, REPOSITORY, { tag, ...rest });
      await engine.pull(`${from}:${tag}`);
      return image;
    },
    async [Symbol.asyncDispose]() {
      await target.close(); // first, so that no held request keeps the engine from closing
      await engine[Symbol.asyncDispose]();
      await source.close();
    },
  };
}

/** Requests that brought a blob's last bytes. */
export function finishing(
  registry: TestRegistry,
  { digest }: Pick<Descriptor, "digest">,
): readonly RequestRecord[] {
  return registry.requests.filter(
    (request) => request.kind === "upload" && request.method === "PUT" && request.digest === digest,
  );
}

/** Body bytes of all uploads to a repository. */
export function uploadedBytes(registry: TestRegistry, repository: string): number {
  return registry.requests
    .filter((request) => request.kind === "upload" && request.repository === repository)
    .reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
}

/** `METHOD kind reference` of every request but pings, in order; the ids of upload sessions are left out. */
export function written(registry: TestRegistry): readonly string[] {
  return registry.requests
    .filter(({ kind }) => kind !== "ping")
    .map(
      ({ method, kind, reference, digest }) =>
        `${method} ${kind} ${digest ?? (kind === "upload" ? "" : reference)}`,
    );
}

/** The repositories that mounts were asked for, in order. */
export function mountsAsked(registry: TestRegistry): readonly string[] {
  return registry.requests.flatMap(({ query }) => (query.has("mount") ? [query.get("from") ?? ""] : []));
}
