import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/async/clock.ts";
import { SqliteLabelStore } from "../../../src/content/labels/sqlite-label-store.ts";
import type { LabelStore, Store } from "../../../src/content.ts";
import { type ProxyStore, proxyStore, serveContent } from "../../../src/content-grpc.ts";
import type { ImageStore } from "../../../src/images.ts";
import { type Descriptor, type Distribution, type Logger, openDistribution } from "../../../src/index.ts";
import { parseNormalizedNamed } from "../../../src/reference.ts";
import { createTransport, type Endpoint, lookupEndpoints, type Send } from "../../../src/registry.ts";
import { buildImage, buildIndex, TestRegistry } from "../../../src/testing.ts";
import type { Clock, LayerTarget } from "../../../src/xfer.ts";
import { FakeTarget } from "../../xfer/fake-target.ts";
import { type Caller, callersOf } from "./option-callers.ts";

/** What examples of options may name beside what the doors offer. */
export interface ExampleScope {
  readonly console: Pick<Console, "log">;
  /** What `openContainerd` gives, made of other things: a real one is not everywhere. */
  readonly containerd: { readonly content: Store; readonly images: ImageStore; readonly layers: LayerTarget };
  readonly clock: Clock;
  readonly distribution: Distribution;
  readonly endpoint: Endpoint;
  readonly labels: LabelStore;
  readonly layer: Descriptor;
  readonly logger: Logger;
  readonly send: Send;
  readonly store: Store;
}

/** What nobody wants to read. */
const silent = (): void => {};

/** An engine, a registry and a directory, in which the examples of options run. */
export class ExampleWorld implements AsyncDisposable {
  readonly scope: ExampleScope;
  /** By the name of the type of options. */
  readonly callers: Readonly<Record<string, Caller>>;
  /** What stands in examples for something of this world. */
  readonly #placeholders: Readonly<Record<string, string>>;
  readonly #owned: AsyncDisposableStack;

  private constructor(scope: ExampleScope, places: Places, owned: AsyncDisposableStack) {
    const { directory, host } = places;
    this.scope = scope;
    this.callers = callersOf({ ...scope, ...places });
    this.#placeholders = {
      "/var/lib/engine": directory,
      "registry.example": host,
      "/etc/containers": directory, // nobody's own configuration is read
      "/etc/containerd": directory,
      "/etc/docker": directory,
      "/etc/engine": directory,
      "/etc/os-release": join(directory, "os-release"),
      "/etc/passwd": "/layer-0", // what `buildImage` calls the file in it
      "/usr/share/doc": "/layer-1",
    };
    this.#owned = owned;
  }

  /** Puts an image for two platforms into a registry and pulls it. The caller disposes of what it gets. */
  static async open(): Promise<ExampleWorld> {
    await using owned = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "drayage-options-"));
    owned.defer(() => rm(directory, { recursive: true, force: true }));
    const registry = owned.use(await TestRegistry.start());
    const { host } = registry;
    const images = [];
    for (const architecture of ["amd64", "arm64"]) {
      const platform = { os: "linux", architecture };
      images.push(await buildImage(registry, "team/app", { layers: [1_000, 2_000], platform }));
    }
    buildIndex(registry, "team/app", { tag: "v1", images });
    await putArtifact(registry);
    await writeFile(join(directory, "os-release"), "ID=example\n");
    await writeHelper(join(directory, "bin"));
    const distribution = owned.use(await openDistribution({ root: join(directory, "images"), layers: true }));
    await distribution.pull(`${host}/team/app:v1`, { allPlatforms: true });
    const { content: store, images: names } = distribution;
    const server = owned.use(await serveContent({ store, address: `unix://${directory}/content.sock` }));
    const content = owned.use(proxyStore({ address: server.address }));
    const containerd = { content, images: names, layers: new FakeTarget() };
    const logger = { debug: silent, info: silent, warn: silent, error: silent };
    const transport = createTransport();
    owned.defer(() => transport.close());
    const [endpoint] = await lookupEndpoints(
      parseNormalizedNamed(`${host}/team/app:v1`),
      { plainHttp: true },
      "pull",
    );
    if (endpoint === undefined) throw new Error(`${host} has no endpoint`);
    const layer = images[0]?.layers[0]?.descriptor;
    if (layer === undefined) throw new Error("the image has no layer");
    const labels = new SqliteLabelStore(join(directory, "labels.db"));
    owned.defer(() => labels.close());
    const scope = {
      clock: systemClock,
      endpoint,
      send: transport.send,
      labels,
      layer,
      console: { log: silent },
      containerd,
      distribution,
      logger,
      store,
    };
    return new ExampleWorld(scope, { directory, host, content }, owned.move());
  }

  /** `text` with the placeholders filled in. */
  fillIn(text: string): string {
    return Object.entries(this.#placeholders).reduce(
      (filled, [placeholder, value]) => filled.replaceAll(placeholder, value),
      text,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

interface Places {
  readonly directory: string;
  readonly host: string;
  readonly content: ProxyStore;
}

/** A credential helper that knows one account. */
async function writeHelper(directory: string): Promise<void> {
  await mkdir(directory);
  const answer = JSON.stringify({ ServerURL: "registry.example", Username: "jane", Secret: "correct horse" });
  await writeFile(
    join(directory, "docker-credential-example"),
    `#!/bin/sh\ncat >/dev/null\necho '${answer}'\n`,
    {
      mode: 0o755,
    },
  );
}

/** An artifact of two files. */
async function putArtifact(registry: TestRegistry): Promise<void> {
  const put = async (title: string) => ({
    ...(await registry.putBlob("team/files", Buffer.from(title))),
    mediaType: "application/octet-stream",
    annotations: { "org.opencontainers.image.title": title },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const config = {
    ...(await registry.putBlob("team/files", Buffer.from("{}"))),
    mediaType: "application/vnd.oci.empty.v1+json",
  };
  const manifest = {
    schemaVersion: 2,
    mediaType,
    artifactType: "application/vnd.example.report",
    config,
    layers: [await put("report.json"), await put("report.html")],
  };
  registry.putManifest("team/files", "v1", Buffer.from(JSON.stringify(manifest)), mediaType);
}
