import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../../src/content.ts";
import { type Distribution, type Logger, logIn, openDistribution } from "../../../src/index.ts";
import { buildImage, buildIndex, TestRegistry } from "../../../src/testing.ts";

/** What examples of options may name beside what the doors offer. */
export interface ExampleScope {
  readonly console: Pick<Console, "log">;
  readonly distribution: Distribution;
  readonly logger: Logger;
  readonly store: Store;
}

/** Calls what takes the options. */
// biome-ignore lint/suspicious/noExplicitAny: the program of the examples is checked by types, and each caller is given its own
type Caller = (options: any) => unknown;

/** The host and the directory in examples; they stand for the registry and a directory of the test. */
const PLACEHOLDER_HOST = "registry.example";
const PLACEHOLDER_DIRECTORY = "/var/lib/engine";

/** What nobody wants to read. */
const silent = (): void => {};

/** An engine, a registry and a directory, in which the examples of options run. */
export class ExampleWorld implements AsyncDisposable {
  readonly scope: ExampleScope;
  /** By the name of the type of options. */
  readonly callers: Readonly<Record<string, Caller>>;
  readonly #directory: string;
  readonly #registry: TestRegistry;

  private constructor(directory: string, registry: TestRegistry, distribution: Distribution) {
    this.#directory = directory;
    this.#registry = registry;
    const logger = { debug: silent, info: silent, warn: silent, error: silent };
    this.scope = { console: { log: silent }, distribution, logger, store: distribution.content };
    this.callers = callersOf({ directory, host: registry.host, distribution });
  }

  /** Puts an image for two platforms into a registry and pulls it. The caller disposes of what it gets. */
  static async open(): Promise<ExampleWorld> {
    const directory = await mkdtemp(join(tmpdir(), "drayage-options-"));
    const registry = await TestRegistry.start();
    const images = [];
    for (const architecture of ["amd64", "arm64"])
      images.push(
        await buildImage(registry, "team/app", { layers: [1_000], platform: { os: "linux", architecture } }),
      );
    buildIndex(registry, "team/app", { tag: "v1", images });
    const root = join(directory, "images");
    const distribution = await openDistribution({ root, layers: true });
    await distribution.pull(`${registry.host}/team/app:v1`, { allPlatforms: true });
    return new ExampleWorld(directory, registry, distribution);
  }

  /** `text` with the placeholders filled in. */
  fillIn(text: string): string {
    return text
      .replaceAll(PLACEHOLDER_DIRECTORY, this.#directory)
      .replaceAll(PLACEHOLDER_HOST, this.#registry.host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scope.distribution.close();
    await this.#registry.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

interface Places {
  readonly directory: string;
  readonly host: string;
  readonly distribution: Distribution;
}

/** The functions of `drayage` that take options, each with all else that it needs. */
function callersOf({ directory, host, distribution }: Places): Readonly<Record<string, Caller>> {
  let calls = 0;
  const fresh = (name: string): string => join(directory, `${name}-${++calls}`);
  const repository = `${host}/team/app`;
  const reference = `${repository}:v1`;
  const named = ({ allTags }: { readonly allTags?: boolean }): string => (allTags ? repository : reference);
  return {
    AbortOptions: (options) => distribution.diskUsage(options),
    AskingOptions: (options) => distribution.tags(repository, options),
    AssembleImageOptions: (options) => distribution.assemble(reference, fresh("rootfs"), options),
    BandwidthLimits: (options) => distribution.setBandwidth(options),
    BlobOptions: async (options) => {
      const blob = await distribution.resolve(reference);
      for await (const _ of distribution.openBlob(repository, blob, options));
    },
    CheckOptions: (options) => distribution.check(options),
    CopyOptions: (options) => {
      const target = `${host}/copied/app-${++calls}`;
      return distribution.copy(named(options), options.allTags ? target : `${target}:v1`, options);
    },
    "Distribution.setConcurrency": (options) => distribution.setConcurrency(options),
    DistributionOptions: async (options) => {
      const opened = await openDistribution(options);
      await opened.close();
    },
    ExportOptions: (options) => distribution.export(reference, fresh("image.tar"), options),
    ImportOptions: async (options) => {
      const archive = fresh("image.tar");
      await distribution.export(reference, archive, { platform: "linux/amd64" });
      await distribution.import(archive, options);
    },
    InspectOptions: (options) => distribution.inspect(reference, options),
    LoginOptions: (options) => logIn(host, options),
    PlanOptions: (options) => distribution.plan(reference, options),
    ProgressOptions: async (options) => {
      await distribution.tag(reference, `${repository}:gone`);
      await distribution.remove(`${repository}:gone`, options);
    },
    PruneOptions: (options) => distribution.prune(options),
    PullOptions: (options) => distribution.pull(named(options), options),
    PushOptions: (options) => distribution.push(named(options), options),
    ReadImageOptions: async (options) => {
      for await (const _ of distribution.list(reference, options));
    },
    ReferrersOptions: (options) => distribution.referrers(reference, options),
    UnpackImageOptions: (options) => distribution.unpack(reference, options),
    WaitOptions: async (options) => {
      await distribution.tag(reference, `${repository}:gone`);
      await distribution.images.untag(`${repository}:gone`, options);
    },
  };
}
