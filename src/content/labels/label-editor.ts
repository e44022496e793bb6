import type { Digest } from "../../digest/digest.ts";

/**
 * A store, or a keeper of labels, that makes of a label's value another one in one step: what somebody else writes
 * meanwhile, in whatever process, is not lost. Found by `isLabelEditor`.
 */
export interface LabelEditor {
  /**
   * Replaces the value of one label of each blob by what `edit` makes of it; empty is none, before and after. All change or
   * none does. `edit` may be asked again, must not wait, and what it returns unchanged is not written. Returns those that have
   * changed. Throws as `Manager.update` does.
   */
  editLabels(
    digests: readonly Digest[],
    key: string,
    edit: (value: string) => string,
  ): Promise<readonly Digest[]>;
}

/** Whether `value` edits labels in one step. */
export function isLabelEditor<T extends object>(value: T): value is T & LabelEditor {
  return "editLabels" in value && typeof value.editLabels === "function";
}
