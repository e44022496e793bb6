import { requireNode } from "../errors/require-node.ts";
import type { Distribution } from "./api/distribution.ts";
import type { DistributionOptions } from "./api/options.ts";

/**
 * Opens a data root and everything that moves images into it. The caller closes what it gets. What an engine is made
 * of is loaded when the first one opens. Throws `ErrInvalidArgument` for malformed options, for a root that cannot be
 * used `ErrFailedPrecondition` (a file, a read-only disk), `ErrPermissionDenied` or `ErrResourceExhausted`, and
 * `ErrFailedPrecondition` on a Node.js that is too old.
 */
export async function openDistribution(options: DistributionOptions): Promise<Distribution> {
  requireNode("open distribution");
  const { composeDistribution } = await import("./compose-distribution.ts");
  return await composeDistribution(options);
}
