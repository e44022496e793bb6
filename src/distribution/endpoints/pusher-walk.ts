import type { NormalizedReference } from "../../reference/reference.ts";
import type { RegistryPusher } from "../../remotes/registry-pusher.ts";
import type { Operation } from "../api/operation.ts";
import type { MountSourceStore } from "../mounts/mount-source-store.ts";
import { EndpointWalk, type WalkEngine } from "./endpoint-walk.ts";
import type { AccessOptions, MountMemory } from "./repositories.ts";

/** What registries are written to with. */
export interface PusherWalkEngine extends WalkEngine {
  readonly content: MountMemory["content"];
  readonly mountSources: MountSourceStore;
}

/** How the registry is accessed, and for whom. */
interface Pushing {
  readonly access: AccessOptions & Pick<MountMemory, "mountFrom">;
  readonly operation: Operation;
}

/**
 * The way along the endpoints at which content of a repository may be written, never a mirror's; no request is sent. Throws
 * `ErrInvalidArgument`.
 */
export async function pusherWalk(
  engine: PusherWalkEngine,
  reference: NormalizedReference,
  { access, operation }: Pushing,
): Promise<EndpointWalk<RegistryPusher>> {
  const { content, mountSources: sources, repositories } = engine;
  return await EndpointWalk.start<RegistryPusher>(
    engine,
    {
      reference,
      purpose: "push",
      open: (endpoint, surroundings) =>
        repositories.openForPush(endpoint, reference, { ...access, content, sources, ...surroundings }),
    },
    operation,
  );
}
