import { inSteps, type Steps } from "../../async/slices.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { type DirectoryNode, joined, type Pending } from "./directory-node.ts";
import type { DirectoryTree } from "./directory-tree.ts";
import type { EntryFiles, Place } from "./entry-files.ts";
import type { CrossLink } from "./unpack-outcome.ts";

/** What is left of a layer when its archive has ended. */
export interface LayerRest {
  /** All directories but the root, parents first. */
  readonly directories: readonly DirectoryNode[];
  readonly implicitParents: readonly ByteString[];
  readonly assumedParents: readonly ByteString[];
  readonly crossLinks: readonly CrossLink[];
  /** What is hidden in lower layers and has no new file in this one. */
  readonly whiteouts: readonly Place[];
  /** Directories, perhaps the root, of which everything below is hidden, and nothing that lies above them does so already. */
  readonly opaque: readonly DirectoryNode[];
  /** What GNU tar has to do, by the files concerned, each with all its names. */
  readonly pending: ReadonlyMap<Pending, readonly Place[]>;
}

/**
 * Looks through the directories of a layer for what waits. A whiteout hides what lower layers have, and never what its own layer
 * has under that name, in whatever order they came (OCI image-spec, layer.md): a directory under a whiteout is opaque instead, and
 * looks as it did below if something was put into it before the whiteout came. Where nothing below is to be seen, nothing of it is to
 * be hidden. Goes from one directory to the next as it is asked to.
 */
export function* gatherRest(tree: DirectoryTree, files: EntryFiles): Steps<LayerRest> {
  const whiteouts: Place[] = [];
  const opaque: DirectoryNode[] = [];
  const pending = new Map<Pending, Place[]>();
  const seen = [{ node: tree.root, isWithin: false, isHidden: false }];
  const waiting = [...seen];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node } = next;
    const remaining = remainingWhiteouts(files, node);
    const isWithin = next.isHidden || node.isOpaque;
    if (!isWithin) whiteouts.push(...remaining);
    if (node.isOpaque && !next.isWithin) opaque.push(node);
    addPending(pending, node);
    const children = [...node.children].map((child) => ({
      node: child,
      isWithin,
      isHidden: isWithin || node.whiteouts?.has(child.name) === true,
    }));
    for (const child of children) {
      seen.push(child);
      waiting.push(child);
    }
    yield;
  }
  const implicit = seen.filter(({ node, isHidden }) => !node.entry && (node.isAssumed || !isHidden));
  return {
    directories: seen.slice(1).map(({ node }) => node),
    implicitParents: yield* inSteps(implicit, ({ node }) => node.path),
    assumedParents: [...tree.assumed],
    whiteouts,
    opaque,
    pending,
    crossLinks: yield* crossLinksOf(pending),
  };
}

function remainingWhiteouts(files: EntryFiles, directory: DirectoryNode): Place[] {
  const remaining: Place[] = [];
  for (const name of directory.whiteouts ?? []) {
    const child = directory.child(name);
    const { kind = "unmade" } = directory.pending?.get(name) ?? {};
    if (child !== undefined) child.isOpaque = true;
    else if (kind === "unmade" && !files.has({ directory, name })) remaining.push({ directory, name });
  }
  return remaining;
}

function addPending(all: Map<Pending, Place[]>, directory: DirectoryNode): void {
  for (const [name, pending] of directory.pending ?? []) {
    if (pending.kind === "unmade") continue;
    const names = all.get(pending) ?? [];
    names.push({ directory, name });
    all.set(pending, names);
  }
}

function* crossLinksOf(pending: ReadonlyMap<Pending, readonly Place[]>): Steps<CrossLink[]> {
  const links = [...pending].filter(([{ kind }]) => kind === "cross link");
  links.sort(([a], [b]) => a.order - b.order);
  const named = yield* inSteps(links, ([{ target }, names]) =>
    names.map(({ directory, name }) => ({ name: joined(directory, name), target })),
  );
  return named.flat();
}
