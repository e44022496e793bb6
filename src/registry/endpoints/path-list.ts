import { delimiter } from "node:path";
import type { PathList } from "./registry-options.ts";

/** The places of a list, in the order to look. */
export function pathsOf(list: PathList | undefined): readonly string[] {
  if (list === undefined) return [];
  return (typeof list === "string" ? list.split(delimiter) : list).filter((path) => path !== "");
}
