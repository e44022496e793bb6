import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import type { Keep } from "../../support/closing-after-each.ts";

/** A registry that has `app:v1`, and where a data root may be. */
export interface RootSite {
  readonly registry: TestRegistry;
  /** The directory that the root is to be made in. */
  readonly parent: string;
  readonly root: string;
  /** Of the image. */
  readonly name: string;
}

/** Sets it up, for one test. */
export async function rootSite(keep: Keep): Promise<RootSite> {
  const registry = await TestRegistry.start();
  keep({ [Symbol.asyncDispose]: () => registry.close() });
  const parent = await mkdtemp(join(tmpdir(), "drayage-root-"));
  keep({ [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) });
  await buildImage(registry, "app", { tag: "v1", layers: [3_000] });
  return { registry, parent, root: join(parent, "data"), name: `${registry.host}/app:v1` };
}
