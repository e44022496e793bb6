import type { NormalizedReference } from "../../reference/reference.ts";
import type { Purpose } from "../../registry/endpoints/registry-options.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { Operation } from "../api/operation.ts";
import { EndpointWalk, type WalkEngine } from "./endpoint-walk.ts";
import type { AccessOptions } from "./repositories.ts";

/** How content is accessed, and for whom. */
interface Reading {
  readonly access: AccessOptions;
  readonly operation: Operation;
  /** Whose endpoints are asked: with `push` the registry's own, because a mirror may be behind. Default `pull`. */
  readonly purpose?: Purpose | undefined;
}

/** The way along the endpoints from which content of a repository may be had; no request is sent. Throws `ErrInvalidArgument`. */
export async function remoteWalk(
  engine: WalkEngine,
  reference: NormalizedReference,
  { access, operation, purpose = "pull" }: Reading,
): Promise<EndpointWalk<RegistryRemote>> {
  return await EndpointWalk.start<RegistryRemote>(
    engine,
    {
      reference,
      purpose,
      open: (endpoint, surroundings) =>
        engine.repositories.open(endpoint, reference, { ...access, ...surroundings }),
    },
    operation,
  );
}
