import type { AbortOptions } from "../../async/abort.ts";
import type { OpenWork } from "../operations/open-work.ts";
import type { PullShared } from "../pull/puller.ts";
import type { OwnedRoot } from "../root/owned-root.ts";
import type { BringEngine } from "./bring-blob.ts";

/** What moves of one engine share. */
export interface MoveEngine extends BringEngine, Pick<PullShared, "content"> {
  readonly work: OpenWork;
  readonly root: Pick<OwnedRoot, "share">;
}

/** Runs an operation that may read content of the store, which therefore nobody may remove meanwhile. */
export function usingContent<O extends AbortOptions, T>(
  { work, root }: MoveEngine,
  options: O,
  operation: (own: O & { readonly signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  return work.run(options, (own) => root.share(() => operation(own), { signal: own.signal }));
}
