import type { Handler } from "../images/handler.ts";
import { type FetchContext, fetchContent } from "./fetch.ts";

/** A handler that fetches each descriptor it sees and has no children (containerd `remotes.FetchHandler`). */
export function fetchHandler(context: Omit<FetchContext, "signal">): Handler {
  return async (descriptor, { signal }) => {
    await fetchContent(descriptor, { ...context, signal });
    return [];
  };
}
