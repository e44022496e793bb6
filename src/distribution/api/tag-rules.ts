import type { ImageCause, TagOptions } from "../../images/image-store.ts";
import { type RulesOf, rule } from "../../options/rule.ts";
import { WAIT_OPTIONS } from "./option-rules.ts";

const CAUSES: Readonly<Record<ImageCause, true>> = {
  pull: true,
  push: true,
  import: true,
  tag: true,
  untag: true,
  remove: true,
  prune: true,
  leftover: true,
  elsewhere: true,
};

const imageCause = rule(
  `one of ${Object.keys(CAUSES).join(", ")}`,
  (value) => typeof value === "string" && Object.hasOwn(CAUSES, value),
);

/** The options of `ImageStore.tag`. */
export const TAG_OPTIONS: RulesOf<TagOptions> = { ...WAIT_OPTIONS, cause: imageCause };
