import { type Rule, withMethods } from "../options/rule.ts";

/** What tells a content store from other things in a caller's options. */
export const A_STORE: Rule = withMethods("info", "walk", "delete", "readerAt", "writer", "status", "abort");
