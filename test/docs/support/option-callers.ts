import { join } from "node:path";
import { openContainerd } from "../../../src/containerd.ts";
import type { ProxyStore } from "../../../src/content-grpc.ts";
import { openDocker, serveDockerApi } from "../../../src/docker-api.ts";
import { ErrUnknown, isUnavailable } from "../../../src/errors.ts";
import { dispatch, LayoutImageStore, parsePlatform, sourceLabelHandler } from "../../../src/images.ts";
import { type Distribution, logIn, openDistribution } from "../../../src/index.ts";
import { plainWaiter } from "../../../src/xfer.ts";
import {
  callersOfRegistries,
  callersOfRemotes,
  callersOfTransfers,
  type RegistryParts,
} from "./registry-callers.ts";
import { callersOfLayers, callersOfStores } from "./store-callers.ts";
import { callersOfTesting } from "./testing-callers.ts";

/** Calls what takes the options. */
// biome-ignore lint/suspicious/noExplicitAny: the program of the examples is checked by types, and each caller is given its own
export type Caller = (options: any) => unknown;

/** With what the functions are called. */
export interface CallerParts extends RegistryParts {
  readonly host: string;
  readonly distribution: Distribution;
  /** The content of `distribution` by its service. */
  readonly content: ProxyStore;
}

/** Functions that take options, each with all else that it needs, by the name of the options' type. */
export function callersOf(parts: CallerParts): Readonly<Record<string, Caller>> {
  return {
    ...callersOfEngine(parts),
    ...callersOfContents(parts),
    ...callersOfStores(parts),
    ...callersOfLayers(parts),
    ...callersOfTesting(),
    ...callersOfRegistries(parts),
    ...callersOfRemotes(parts),
    ...callersOfTransfers(),
  };
}

/** What is done with names and images. */
function callersOfEngine({
  directory,
  host,
  distribution,
  layer,
}: CallerParts): Readonly<Record<string, Caller>> {
  const repository = `${host}/team/app`;
  const reference = `${repository}:v1`;
  const named = ({ allTags }: { readonly allTags?: boolean }): string => (allTags ? repository : reference);
  const fresh = freshIn(directory);
  return {
    AbortOptions: (options) => distribution.diskUsage(options),
    AskingOptions: (options) => distribution.tags(repository, options),
    AssembleImageOptions: (options) => distribution.assemble(reference, fresh(), options),
    BandwidthLimits: (options) => distribution.setBandwidth(options),
    CheckOptions: (options) => distribution.check(options),
    "Distribution.setConcurrency": (options) => distribution.setConcurrency(options),
    ContainerdOptions: async (options) => {
      // A real one is not everywhere: what counts is that nothing but the connection is missing.
      const nobody = openContainerd({ ...options, address: `unix://${directory}/nobody.sock` });
      const error: unknown = await nobody.catch((reason: unknown) => reason);
      if (!isUnavailable(error)) throw error;
    },
    DockerApiOptions: async (options) => {
      await using _ = await serveDockerApi(options);
    },
    DockerOptions: async (options) => {
      const address = `unix://${join(directory, "api.sock")}`;
      await using _ = await serveDockerApi({ distribution, address });
      await openDocker({ ...options, address });
    },
    ErrorDetails: (details) => new ErrUnknown("ask registry", details),
    ParsePlatformOptions: (options) => parsePlatform("linux", options),
    DispatchOptions: (options) => dispatch(() => Promise.resolve([]), [layer], options),
    DistributionOptions: async (options) => {
      const opened = await openDistribution(options);
      await opened.close();
    },
    InspectOptions: (options) => distribution.inspect(reference, options),
    LayoutImageStoreOptions: (options) => LayoutImageStore.open(join(directory, "images"), options),
    LoginOptions: (options) => logIn(host, options),
    PlanOptions: (options) => distribution.plan(reference, options),
    ProgressOptions: async (options) => {
      await distribution.tag(reference, `${repository}:gone`);
      await distribution.remove(`${repository}:gone`, options);
    },
    PruneOptions: (options) => distribution.prune(options),
    PullOptions: (options) => distribution.pull(named(options), options),
    PushOptions: (options) => distribution.push(named(options), options),
    "src/distribution/api/looking.ts ReferrersOptions": (options) =>
      distribution.referrers(reference, options),
    SourceLabelOptions: (options) => sourceLabelHandler(distribution.content, options)(layer, {}),
    UnpackImageOptions: (options) => distribution.unpack(reference, options),
    TagOptions: async (options) => {
      const { target } = await distribution.images.get(reference);
      await distribution.images.tag(`${repository}:v2`, target, options);
    },
    UntagOptions: async (options) => {
      const images = await LayoutImageStore.open(join(directory, "images"), {});
      await distribution.tag(reference, `${repository}:gone`);
      await images.untag(`${repository}:gone`, options);
    },
    WaitOptions: async (options) => {
      await distribution.tag(reference, `${repository}:gone`);
      await distribution.images.untag(`${repository}:gone`, options);
    },
    PlainWaiterOptions: (options) => plainWaiter(options),
  };
}

/** What moves, or reads. */
function callersOfContents({ directory, host, distribution }: CallerParts): Readonly<Record<string, Caller>> {
  const repository = `${host}/team/app`;
  const reference = `${repository}:v1`;
  const fresh = freshIn(directory);
  let copies = 0;
  return {
    "src/distribution/api/moving.ts BlobOptions": async (options) => {
      const blob = await distribution.resolve(reference);
      for await (const _ of distribution.openBlob(repository, blob, options));
    },
    "src/distribution/api/moving.ts CopyOptions": (options) => {
      const target = `${host}/copied/app-${++copies}`;
      const [from, to] = options.allTags ? [repository, target] : [reference, `${target}:v1`];
      return distribution.copy(from, to, options);
    },
    ArtifactToPush: (artifact) =>
      distribution.pushArtifact(`${repository}:artifact`, { artifactType: "text/plain", ...artifact }),
    ExportOptions: (options) => distribution.export(reference, fresh(), options),
    FetchArtifactOptions: (options) => distribution.fetchArtifact(`${host}/team/files:v1`, fresh(), options),
    PushArtifactOptions: (options) =>
      distribution.pushArtifact(`${host}/team/report:v1`, { artifactType: "text/plain" }, options),
    ImportOptions: async (options) => {
      const archive = fresh();
      await distribution.export(reference, archive, { platform: "linux/amd64" });
      await distribution.import(archive, options);
    },
    ReadImageOptions: async (options) => {
      for await (const _ of distribution.list(reference, options));
    },
  };
}

/** Paths where nothing is. */
function freshIn(directory: string): () => string {
  let count = 0;
  return () => join(directory, `fresh-${++count}-${Math.random().toString(36).slice(2)}`);
}
