import type { ConfigFacts } from "../../oci/config-facts.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { JsonObject } from "../../oci/json-object.ts";

/** An image, or another manifest, that would come: what its documents say. All of it is its author's word, verified by digest only. */
export interface ManifestToVerify extends ConfigFacts {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
  /** Whether it says that it is an image that a container could run. */
  readonly kind: "image" | "artifact";
  readonly artifactType: string | undefined;
  /** Those of the manifest. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject: Descriptor | undefined;
  /** The whole config of an image, as it is written there. */
  readonly configuration: JsonObject | undefined;
}

/** What is asked whether it may come. */
export interface ImageToVerify {
  /** `plan`: nothing is to be moved by this call; another may follow. `import`: it came out of an archive, and waits for its name. `fetch`: its files go into a directory. */
  readonly purpose: "pull" | "plan" | "copy" | "import" | "fetch";
  /** The name in full form. */
  readonly reference: string;
  /** What the name means now: an index stays an index. */
  readonly target: Descriptor;
  /** Origin of the endpoint that told it; absent for an import. */
  readonly endpoint: string | undefined;
  /** The manifests that would come with all that they name. */
  readonly manifests: readonly ManifestToVerify[];
}

/** What an embedder is given when it is asked. */
export interface VerifyContext {
  /** Fires when the operation has ended: nobody waits for an answer then. */
  readonly signal: AbortSignal;
}

/**
 * Says whether an image may come, at once or by a promise. It may not when this throws, rejects, or gives `false`; whatever else it gives
 * allows. Called with no slot and no lock held, so it may ask the engine itself, for referrers and their blobs for instance.
 */
export type VerifyImage = (image: ImageToVerify, context: VerifyContext) => unknown;
