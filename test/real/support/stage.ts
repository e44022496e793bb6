import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../../../src/digest/digest.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import {
  ACCOUNT,
  type DockerRegistry,
  type DockerRegistryOptions,
  startDockerRegistry,
} from "./docker-registry.ts";
import { tagInLayout } from "./images.ts";
import { type CopyOptions, skopeoCopy } from "./skopeo.ts";

/** What a test of pulls plays on: a registry, a layout to make images in, and room for data roots. */
export interface Stage {
  readonly registry: DockerRegistry;
  /** A temporary folder, removed at the end. */
  readonly folder: string;
  /** An OCI image layout in it: where images are made. */
  readonly layout: string;
  /** Full name of a repository's tag, `v1` by default, at the registry. */
  nameOf(repository: string, tag?: string): string;
  /**
   * Puts what was made in the layout into the registry, by skopeo, and returns the digest that it has there. One at a time.
   */
  push(repository: string, target: Descriptor, options?: PushOptions): Promise<Digest>;
  /** A new and empty data root. */
  newRoot(): Promise<string>;
  /** Stops the registry and removes all files. */
  close(): Promise<void>;
}

/** How an image is put into the registry. */
interface PushOptions extends Pick<CopyOptions, "format"> {
  /** `v1` by default. */
  readonly tag?: string | undefined;
}

/** Starts an empty registry; the caller closes the stage. */
export async function startStage(options: DockerRegistryOptions = {}): Promise<Stage> {
  const registry = await startDockerRegistry(options);
  const folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
  const layout = join(folder, "layout");
  const nameOf = (repository: string, tag = "v1"): string => `${registry.host}/${repository}:${tag}`;
  const credentials = { destinationCredentials: `${ACCOUNT.username}:${ACCOUNT.password}` };
  return {
    registry,
    folder,
    layout,
    nameOf,
    async push(repository, target, { tag, format } = {}) {
      await tagInLayout(layout, "pushed", target);
      return await skopeoCopy(`oci:${layout}:pushed`, `docker://${nameOf(repository, tag)}`, {
        format,
        ...(options.auth === true || options.token ? credentials : {}),
      });
    },
    newRoot: () => mkdtemp(join(folder, "root-")),
    async close() {
      await registry.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
