import type { Descriptor } from "../../oci/descriptor.ts";
import type { PlannedContent } from "../api/image-plan.ts";

/** A content that documents name, and as what. */
export type NamedContent = Descriptor & Pick<PlannedContent, "kind">;

/** A content, and what of it is here. */
export interface ContentHere extends Pick<PlannedContent, "bytesHere" | "isComing"> {
  readonly content: NamedContent;
}
