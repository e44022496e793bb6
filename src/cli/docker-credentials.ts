import type { DistributionOptions } from "../index.ts";
import { tell } from "./output.ts";

/**
 * What `docker login` left in `configDir`. That it cannot be read stops nothing that everybody may have: it is told once on
 * stderr for each reason, as docker does, because otherwise nobody would know why a registry refuses.
 */
export function dockerCredentials(configDir: string): NonNullable<DistributionOptions["credentials"]> {
  const told = new Set<string>();
  const lookUp = async (host: string, options: { readonly signal?: AbortSignal | undefined } = {}) => {
    const { dockerConfigCredentials } = await import("../registry.ts");
    try {
      return await dockerConfigCredentials({ configDir })(host, options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const isNew = options.signal?.aborted !== true && !told.has(reason);
      told.add(reason);
      if (isNew) tell(`warning: no credentials for ${host}, going on without: ${reason}`);
      throw error;
    }
  };
  return Object.assign(lookUp, { stored: true } as const);
}
