import { digestOf } from "../digest/digest.ts";
import type { Descriptor } from "./descriptor.ts";
import { OCI_EMPTY } from "./media-types.ts";

/** The bytes that `EMPTY_DESCRIPTOR` points at: `{}`. */
export const EMPTY_JSON: string = "{}";

/** Stands where a descriptor is required but nothing is meant (OCI image-spec, manifest.md "empty descriptor"). */
export const EMPTY_DESCRIPTOR: Descriptor = {
  mediaType: OCI_EMPTY,
  digest: digestOf(EMPTY_JSON),
  size: EMPTY_JSON.length,
  data: btoa(EMPTY_JSON),
};
