import type { NormalizedReference } from "../../reference/reference.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { Operation } from "../api/operation.ts";
import { EndpointWalk, type WalkEngine } from "./endpoint-walk.ts";
import type { AccessOptions } from "./repositories.ts";

/** The way along the endpoints from which content of a repository may be had; no request is sent. Throws `ErrInvalidArgument`. */
export async function remoteWalk(
  engine: WalkEngine,
  reference: NormalizedReference,
  { access, operation }: { readonly access: AccessOptions; readonly operation: Operation },
): Promise<EndpointWalk<RegistryRemote>> {
  return await EndpointWalk.start<RegistryRemote>(
    engine,
    {
      reference,
      purpose: "pull",
      open: (endpoint, surroundings) =>
        engine.repositories.open(endpoint, reference, { ...access, ...surroundings }),
    },
    operation,
  );
}
