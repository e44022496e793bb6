import type { AbortOptions } from "../async/abort.ts";
import { isLabelEditor } from "../content/labels/label-editor.ts";
import { MAX_LABEL_BYTES } from "../content/labels/label-store.ts";
import type { Manager } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { isNotFound } from "../errors/predicates.ts";
import type { Handler } from "./handler.ts";
import type { LabelTurns } from "./label-turns.ts";

/** Prefix of the labels that say which repositories a blob came from; the registry's host follows. */
const SOURCE_LABEL = "containerd.io/distribution.source.";

/** Key of the label that lists the repositories of `host` that a blob came from; containerd leaves the port out. */
export function sourceLabelKey(host: string): string {
  return SOURCE_LABEL + host.replace(/:\d+$/, "");
}

/** The repositories of `host` that a blob's labels list. */
export function sourcesOf(labels: Readonly<Record<string, string>>, host: string): readonly string[] {
  return labels[sourceLabelKey(host)]?.split(",").filter(Boolean) ?? [];
}

/** Whether a label lists repositories that a blob came from. */
export function isSourceLabel(key: string): boolean {
  return key.startsWith(SOURCE_LABEL);
}

/** All repositories that a blob's labels list, with the hosts as labels have them, without ports. */
export function repositoriesIn(
  labels: Readonly<Record<string, string>>,
): ReadonlyArray<{ readonly host: string; readonly repository: string }> {
  const hosts = Object.keys(labels)
    .filter(isSourceLabel)
    .map((key) => key.slice(SOURCE_LABEL.length));
  return hosts.flatMap((host) => sourcesOf(labels, host).map((repository) => ({ host, repository })));
}

/** Where content came from, and how that is written down. */
export interface SourceLabelOptions {
  readonly host: string;
  readonly repository: string;
  /** Shared by all who write labels of the same store: a list is read and written whole. */
  readonly turns: LabelTurns;
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/**
 * Remembers on every blob visited that `repository` of `host` has it, so that a later push can mount it instead of sending
 * it (containerd `docker.AppendDistributionSourceLabel`). A list that would grow too long is left as it is. It is a hint: with
 * `onFailure`, the first label that cannot be written is told there, and no other is tried.
 */
export function sourceLabelHandler(
  manager: Manager,
  { host, repository, turns, onFailure }: SourceLabelOptions,
): Handler {
  const key = sourceLabelKey(host);
  let failed = false;

  async function remember(digest: Digest, options: AbortOptions): Promise<void> {
    const { labels } = await manager.info(digest, options);
    const before = labels[key] ?? "";
    const value = withRepository(before);
    if (value === before) return;
    // Another process may be writing the same list; a store without this ability leaves that to chance.
    if (isLabelEditor(manager)) await manager.editLabel(digest, key, withRepository);
    else await manager.update({ digest, labels: { [key]: value } }, [`labels.${key}`]);
  }

  function withRepository(list: string): string {
    const known = list.split(",").filter(Boolean);
    const value = [...new Set([...known, repository])].toSorted().join(",");
    return known.includes(repository) || key.length + value.length > MAX_LABEL_BYTES ? list : value;
  }

  return async ({ digest }, options) => {
    if (failed) return [];
    try {
      const change = { digest, what: `${key} ${repository}` };
      await turns.take(change, (shared) => remember(digest, shared), options);
    } catch (error) {
      if (!onFailure || isNotFound(error)) throw error; // without the blob, there is no image
      if (!failed) onFailure(error);
      failed = true;
    }
    return [];
  };
}
