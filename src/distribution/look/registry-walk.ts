import type { NormalizedReference } from "../../reference/reference.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { AskingOptions } from "../api/looking.ts";
import type { Operation } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import { EndpointWalk, type WalkEngine } from "../endpoints/endpoint-walk.ts";

/** The way of a question along the endpoints from which a reference may be pulled. Throws `ErrInvalidArgument`. */
export async function registryWalk(
  engine: WalkEngine,
  reference: NormalizedReference,
  options: AskingOptions,
  operation: Operation,
): Promise<EndpointWalk<RegistryRemote>> {
  checkMetaHeaders(options.metaHeaders ?? {});
  return await EndpointWalk.start<RegistryRemote>(
    engine,
    {
      reference,
      purpose: "pull",
      open: (endpoint, surroundings) =>
        engine.repositories.open(endpoint, reference, { ...options, ...surroundings }),
    },
    operation,
  );
}
