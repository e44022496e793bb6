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

/**
 * Blobs whose labels are changed in one step: it costs little more than one does, and the event loop is held for few
 * milliseconds.
 */
const BATCH = 64;

/** Where content came from, and how that is written down. */
export interface SourceLabelOptions {
  /**
   * The registry, as in a reference: `docker.io`.
   * @example host: "registry.example"
   */
  readonly host: string;
  /**
   * Path of the repository there.
   * @example repository: "team/app"
   */
  readonly repository: string;
  /**
   * Shared by all who write labels of the same store: a list is read and written whole.
   * @example turns: new LabelTurns()
   */
  readonly turns: LabelTurns;
  /**
   * Told of the first label that cannot be written; no other is tried then.
   * @defaultValue the handler throws
   * @example onFailure: (error) => console.log(error)
   */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/**
 * Remembers on every blob visited that `repository` of `host` has it, so that a later push can mount it instead of sending
 * it (containerd `docker.AppendDistributionSourceLabel`). A list that would grow too long is left as it is. It is a hint: with
 * `onFailure`, the first label that cannot be written is told there, and no other is tried.
 */
export function sourceLabelHandler(manager: Manager, options: SourceLabelOptions): Handler {
  let failed = false;
  return async ({ digest }, abort) => {
    if (!failed) failed = !(await labelSources(manager, [digest], options, abort));
    return [];
  };
}

/**
 * Does what `sourceLabelHandler` does for many blobs, a batch of them in one step where the store can do that. Returns whether
 * all have their labels; `false` when `onFailure` was told of one that could not be written, and no other was tried then.
 */
export async function labelSources(
  manager: Manager,
  digests: readonly Digest[],
  options: SourceLabelOptions,
  abort: AbortOptions = {},
): Promise<boolean> {
  const size = isLabelEditor(manager) ? BATCH : 1;
  try {
    for (let at = 0; at < digests.length; at += size) {
      await labelTogether(manager, digests.slice(at, at + size), options, abort);
    }
    return true;
  } catch (error) {
    if (!options.onFailure || isNotFound(error)) throw error; // without the blob, there is no image
    options.onFailure(error);
    return false;
  }
}

async function labelTogether(
  manager: Manager,
  digests: readonly Digest[],
  { host, repository, turns }: SourceLabelOptions,
  abort: AbortOptions,
): Promise<void> {
  const key = sourceLabelKey(host);
  const edit = (list: string): string => withRepository(list, key, repository);

  async function remember(shared: AbortOptions): Promise<void> {
    if (isLabelEditor(manager)) return void (await manager.editLabels(digests, key, edit));
    // Another process may be writing the same list; a store without this ability leaves that to chance.
    for (const digest of digests) {
      const { labels } = await manager.info(digest, shared);
      const [before, after] = [labels[key] ?? "", edit(labels[key] ?? "")];
      if (after !== before) await manager.update({ digest, labels: { [key]: after } }, [`labels.${key}`]);
    }
  }

  await turns.take({ digests, what: `${key} ${repository}` }, remember, abort);
}

function withRepository(list: string, key: string, repository: string): string {
  const known = list.split(",").filter(Boolean);
  const value = [...new Set([...known, repository])].toSorted().join(",");
  return known.includes(repository) || key.length + value.length > MAX_LABEL_BYTES ? list : value;
}
