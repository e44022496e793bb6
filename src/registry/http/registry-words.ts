import { plainText } from "../../errors/plain-text.ts";

/** Longest text of a registry that goes into a message, in characters: enough for a sentence or two. */
export const MAX_WORDS_CHARS = 512;

/** A registry's text as it may stand in a message; see `plainText`. `secrets` are those of the request that it answers. */
export function registryWords(text: string, secrets: readonly string[] = []): string {
  return plainText(text, MAX_WORDS_CHARS, secrets);
}
