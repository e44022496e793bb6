import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Distribution, openDistribution } from "../../../src/index.ts";

/** A distribution on a data root of its own, which goes with it. */
export interface Site extends AsyncDisposable {
  readonly root: string;
  readonly engine: Distribution;
}

/** Opens a site that speaks plain HTTP to registries. */
export async function openSite(): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), "drayage-site-"));
  const engine = await openDistribution({ root, registry: { plainHttp: true } });
  return {
    root,
    engine,
    async [Symbol.asyncDispose]() {
      await engine.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
