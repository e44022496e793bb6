import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { PlannedItem } from "../../progress/progress.ts";
import type { AskingOptions } from "./looking.ts";
import type { PassedEndpoint } from "./passed-endpoint.ts";
import type { VerifyImage } from "./verify.ts";

/** What a plan may be told: each of it means what it means to a pull. */
export interface PlanOptions extends AskingOptions {
  /**
   * `os/arch[/variant]` of the image wanted out of an index.
   * @defaultValue as for a pull
   * @example platform: "linux/arm64"
   */
  readonly platform?: string | undefined;
  /**
   * Plan for every image of an index. Not together with `platform`.
   * @defaultValue `false`
   * @example allPlatforms: true
   */
  readonly allPlatforms?: boolean | undefined;
  /**
   * Asked whether the image may come, as in `PullOptions.verify`; its config is read for that.
   * @defaultValue nobody is asked
   * @example verify: ({ manifests }) => manifests.every(({ kind }) => kind === "image")
   */
  readonly verify?: VerifyImage | undefined;
}

/** One content that a pull would bring. */
export interface PlannedContent extends PlannedItem {
  readonly digest: Digest;
  /** Repositories of the same registry that are known here to have it: a push to that registry need not send it. */
  readonly mountableFrom: readonly string[];
}

/** What a pull would bring, before it does. */
export interface ImagePlan {
  /** The reference in full form. */
  readonly reference: string;
  /** What it points at: an index stays an index. */
  readonly target: Descriptor;
  /** Origin of the endpoint that told it. */
  readonly endpoint: string;
  /** The endpoints that were asked before and could not tell, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
  /** Each content once: documents from the target down, then for each image its config and its layers, lowest first. */
  readonly contents: readonly PlannedContent[];
  /** Bytes of all. */
  readonly totalBytes: number;
  /** Bytes of these that are here; the others are what a pull would move. */
  readonly bytesHere: number;
}
