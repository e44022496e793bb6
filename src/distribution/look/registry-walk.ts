import type { NormalizedReference } from "../../reference/reference.ts";
import type { RegistryRemote } from "../../remotes/registry-remote.ts";
import type { AskingOptions } from "../api/looking.ts";
import type { Operation } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import type { EndpointWalk, WalkEngine } from "../endpoints/endpoint-walk.ts";
import { remoteWalk } from "../endpoints/remote-walk.ts";

/** The way of a question along the endpoints from which a reference may be pulled. Throws `ErrInvalidArgument`. */
export async function registryWalk(
  engine: WalkEngine,
  reference: NormalizedReference,
  options: AskingOptions,
  operation: Operation,
): Promise<EndpointWalk<RegistryRemote>> {
  checkMetaHeaders(options.metaHeaders ?? {});
  return await remoteWalk(engine, reference, { access: options, operation });
}
