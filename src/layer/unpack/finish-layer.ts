import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  openSync,
} from "node:fs";
import { inSteps, type Steps } from "../../async/slices.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import { type DirectoryNode, joined, type Pending } from "./directory-node.ts";
import type { DirectoryTree } from "./directory-tree.ts";
import { type DiskFiles, WORKING_MODE } from "./disk-files.ts";
import type { Place } from "./entry-files.ts";
import type { EntryMaker } from "./entry-maker.ts";
import { fileTimeOf } from "./file-times.ts";
import type { HostAbilities, XattrNamespace } from "./host-abilities.ts";
import { gatherRest, type LayerRest } from "./layer-rest.ts";
import { ownIds } from "./owner-policy.ts";
import { runSideTar } from "./run-side-tar.ts";
import type { SideArchive } from "./side-archive.ts";
import type { UnpackOutcome } from "./unpack-outcome.ts";
import { LINKED_FILES, OPAQUE, WHITEOUT } from "./whiteout-names.ts";

/** Type flags of what GNU tar is given, by the type of the entry. */
const FLAGS: Partial<Readonly<Record<TarEntry["type"], string>>> = {
  file: "0",
  symlink: "2",
  "character device": "3",
  "block device": "4",
  fifo: "6",
};

/** With what a layer is finished. */
interface FinishContext {
  readonly files: DiskFiles;
  readonly host: HostAbilities;
  readonly maker: EntryMaker;
  /** Whether there are layers below of which something may be hidden. Default true. */
  readonly hides?: boolean | undefined;
}

/** What is known of a layer that is finished. */
export type FinishedLayer = Omit<UnpackOutcome, "diffId" | "entries" | "bytes" | "tarBytes">;

/**
 * Makes what had to wait until the archive had ended: devices, FIFOs, attributes, whiteouts, and what the archive says of
 * directories, whose times would change with everything that is made in them, and whose modes could keep us out. Goes on from one
 * step to the next as it is asked to: there may be a million directories. Throws what the file calls and `runSideTar` throw.
 */
export function* finishLayer(tree: DirectoryTree, context: FinishContext): Steps<FinishedLayer> {
  removeLinkedFiles(tree, context);
  const { hides = true, files } = context;
  const gathered = yield* gatherRest(tree, files);
  const rest: LayerRest = hides ? gathered : { ...gathered, whiteouts: [], opaque: [] };
  const attributed = yield* makeSpecials(tree, rest, context);
  if (context.host.overlay === "none") markWhiteouts(rest, context);
  for (const directory of rest.directories.toReversed()) {
    completeDirectory(directory, context);
    yield;
  }
  completeRoot(tree.root, context.maker);
  return {
    implicitParents: rest.implicitParents,
    assumedParents: rest.assumedParents,
    crossLinks: rest.crossLinks,
    whiteouts: yield* inSteps(rest.whiteouts, ({ directory, name }) => joined(directory, name)),
    opaque: yield* inSteps(rest.opaque, ({ path }) => path),
    attributed,
    skipped: context.maker.skipped.list(),
  };
}

/** The names under which aufs keeps files with several names are its own. */
function removeLinkedFiles(tree: DirectoryTree, { files }: Pick<FinishContext, "files">): void {
  const place: Place = { directory: tree.root, name: LINKED_FILES.slice(0, -1) };
  if (tree.drop(tree.root, place.name)) files.remove(place, { isDirectory: true });
}

/** Returns the directories with attributes. */
function* makeSpecials(
  tree: DirectoryTree,
  rest: LayerRest,
  context: FinishContext,
): Steps<readonly ByteString[]> {
  const { host, maker } = context;
  const { tar } = host;
  const work = new SideWork(tree, context);
  if (tar === undefined) {
    work.skipAll(rest);
    return [];
  }
  const directory = `/proc/self/fd/${tree.root.fd}`;
  const unset = yield* runSideTar({
    directory,
    host: { ...host, tar },
    write: (archive) => work.write(archive, rest),
  });
  for (const { path, attribute } of unset) maker.skipped.add("xattr", `${path}: ${attribute}`);
  return work.attributed;
}

/** What GNU tar is told to do for a layer. */
class SideWork {
  /** Directories with attributes so far. */
  readonly attributed: ByteString[] = [];
  readonly #tree: DirectoryTree;
  readonly #files: DiskFiles;
  readonly #host: HostAbilities;
  readonly #maker: EntryMaker;

  constructor(tree: DirectoryTree, { files, host, maker }: FinishContext) {
    this.#tree = tree;
    this.#files = files;
    this.#host = host;
    this.#maker = maker;
  }

  *write(archive: SideArchive, { pending, whiteouts, opaque, directories }: LayerRest): Steps<void> {
    const hiding = new Set(opaque);
    for (const [what, names] of pending) yield* this.#addPending(archive, what, names);
    for (const directory of directories) {
      yield* this.#addDirectory(archive, directory, { isOpaque: hiding.has(directory) });
      yield;
    }
    yield* this.#addDirectory(archive, this.#tree.root, { isOpaque: false }); // overlayfs knows no mark for a root
    if (this.#host.overlay === "none") return;
    for (const { directory, name } of whiteouts) {
      yield* archive.add({
        name: joined(directory, name),
        type: "3",
        mode: 0,
        deviceMajor: 0,
        deviceMinor: 0,
        ...ownIds(),
      });
    }
  }

  /** Notes everything that GNU tar would have been needed for. */
  skipAll({ pending, directories }: LayerRest): void {
    for (const [{ entry, kind }] of pending) if (kind === "attributes") this.#settable(entry);
    for (const { entry } of [this.#tree.root, ...directories]) if (entry !== undefined) this.#settable(entry);
  }

  *#addPending(archive: SideArchive, { kind, entry }: Pending, names: readonly Place[]): Steps<void> {
    const [first, ...others] = names;
    if (kind === "cross link" || first === undefined) return;
    const name = joined(first.directory, first.name);
    const { mode, mtime, linkName } = entry;
    const common = { name, type: FLAGS[entry.type] ?? "0", mode, mtime };
    if (kind === "special") {
      const { deviceMajor, deviceMinor } = entry;
      yield* archive.add({
        ...common,
        ...this.#maker.ownerFor(entry),
        deviceMajor,
        deviceMinor,
        xattrs: this.#settable(entry),
      });
    } else {
      const xattrs = this.#settable(entry);
      if (xattrs.size === 0) return;
      const path = this.#files.pathOf(first);
      const { uid, gid } = lstatSync(path);
      if (!this.#host.isRoot && entry.type === "file") chmodSync(path, 0o600); // so that it can be read; its mode comes again
      const file = entry.type === "file" ? { content: path, sparse: entry.sparse } : { linkName };
      yield* archive.add({ ...common, uid, gid, xattrs, ...file });
    }
    for (const other of others) {
      yield* archive.add({ ...common, name: joined(other.directory, other.name), type: "1", linkName: name });
    }
  }

  *#addDirectory(
    archive: SideArchive,
    { entry, path }: DirectoryNode,
    { isOpaque }: { readonly isOpaque: boolean },
  ): Steps<void> {
    if (!isOpaque && entry?.xattrs === undefined) return; // nearly all of them
    const xattrs = entry === undefined ? new Map<ByteString, ByteString>() : this.#settable(entry);
    if (xattrs.size > 0) this.attributed.push(path);
    const { overlay } = this.#host;
    if (isOpaque && overlay !== "none") xattrs.set(`${overlay}.overlay.opaque`, "y");
    if (xattrs.size > 0)
      yield* archive.add({ name: path, type: "5", mode: WORKING_MODE, xattrs, ...ownIds() });
  }

  /** The attributes of an entry that can be set; the others are noted. */
  #settable({ name, xattrs = new Map<ByteString, ByteString>() }: TarEntry): Map<ByteString, ByteString> {
    const settable = new Map<ByteString, ByteString>();
    for (const [attribute, value] of xattrs) {
      if (this.#canSet(attribute)) settable.set(attribute, value);
      else this.#maker.skipped.add("xattr", `${name}: ${attribute}`);
    }
    return settable;
  }

  /** What overlayfs keeps in attributes is about a mount, and never part of a layer: it could lead a mount astray. */
  #canSet(attribute: ByteString): boolean {
    const [namespace = ""] = attribute.split(".", 1);
    const isOverlay = /^(?:trusted|user)\.overlay\./.test(attribute);
    return !isOverlay && this.#host.xattrs.includes(namespace as XattrNamespace);
  }
}

/** What is hidden, as the archive says it: for a host that cannot make what overlayfs wants. */
function markWhiteouts({ whiteouts, opaque }: LayerRest, { files }: Pick<FinishContext, "files">): void {
  const mark = (directory: DirectoryNode, name: ByteString): void => {
    closeSync(openSync(files.pathOf({ directory, name }), "wx", 0o600));
  };
  for (const { directory, name } of whiteouts) mark(directory, `${WHITEOUT}${name}`);
  for (const directory of opaque) mark(directory, OPAQUE);
}

function completeDirectory(directory: DirectoryNode, { files, maker }: FinishContext): void {
  const { parent, name, entry } = directory;
  if (parent === undefined) return;
  const path = files.pathOf({ directory: parent, name });
  if (entry === undefined) {
    if (files.umaskTakes(WORKING_MODE)) chmodSync(path, WORKING_MODE);
    return;
  }
  const { mode, mtime, uid, gid } = entry;
  if (maker.givesOwner(entry)) lchownSync(path, uid, gid);
  if (mode !== WORKING_MODE || files.umaskTakes(mode)) chmodSync(path, mode);
  const time = fileTimeOf(mtime);
  lutimesSync(path, time, time);
}

function completeRoot({ fd, entry }: DirectoryNode, maker: EntryMaker): void {
  if (entry !== undefined && maker.givesOwner(entry)) fchownSync(fd, entry.uid, entry.gid);
  fchmodSync(fd, entry?.mode ?? WORKING_MODE);
  if (entry === undefined) return;
  const time = fileTimeOf(entry.mtime);
  futimesSync(fd, time, time);
}
