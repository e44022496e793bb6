import type { UnpackOutcome } from "../../../../src/layer/unpack/unpack-outcome.ts";

/** What was skipped of a layer, apart from owners: what these are of depends on who runs the tests. */
export function besidesOwners({ skipped }: Pick<UnpackOutcome, "skipped">): UnpackOutcome["skipped"] {
  return skipped.filter(({ kind }) => kind !== "owner");
}
