import { familiarString } from "../../reference/familiar.ts";
import type { NormalizedReference } from "../../reference/reference.ts";

/** Whether a client that says `text` means this name, in full or familiar form, with the tag `latest` or without. */
export function isMeant(reference: NormalizedReference, text: string): boolean {
  const names = [reference.toString(), familiarString(reference)];
  return names.some((name) => name === text || name === `${text}:latest`);
}
