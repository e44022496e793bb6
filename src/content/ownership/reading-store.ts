import { readOnlyRoot } from "../../disk/read-only-root.ts";
import { replaceMethods } from "./replace-methods.ts";

/** What of a store, of whatever kind, writes. */
const WRITING = {
  writer: "open writer",
  update: "update content",
  delete: "delete content",
  abort: "abort ingest",
  editLabels: "edit labels",
  sweepIngests: "sweep ingests",
  setAside: "set content aside",
  discardSetAside: "discard content",
} as const;

/** `store`, which only reads: everything that writes is refused at once with `ErrFailedPrecondition`. */
export function readingStore<S extends object>(store: S): S {
  const refusing = Object.entries(WRITING).flatMap(([method, action]) => {
    const refuse = async (): Promise<never> => {
      throw readOnlyRoot(action);
    };
    return method in store ? [[method, refuse] as const] : [];
  });
  return replaceMethods(store, Object.fromEntries(refusing));
}
