import type { Purpose } from "../../registry/endpoints/registry-options.ts";

/** Why an endpoint of version 1 is of no use, in moby's words. */
export const NO_V1: Readonly<Record<Purpose, string>> = {
  pull: "Cannot pull by digest with v1 registry",
  push: "Cannot push to v1 registry",
};
