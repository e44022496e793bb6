import { type Rule, rule } from "../options/rule.ts";

/** A content store in a caller's options. One that can only read, or only write, may leave methods out. */
export const A_STORE: Rule = rule("a content store", (value) => {
  if (typeof value !== "object" || value === null) return false;
  return ["info", "readerAt", "writer", "walk"].some((name) => name in value);
});
