import { isMissingFile } from "../../disk/disk-error.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import type { DirectoryNode, Pending } from "./directory-node.ts";
import { type DirectoryTree, hidesAll } from "./directory-tree.ts";
import type { EntryFiles, OpenFile, Place } from "./entry-files.ts";
import { checkLinkText, pathOfEntry, refused } from "./entry-name.ts";
import type { HostAbilities } from "./host-abilities.ts";
import { type Owner, OwnerPolicy, ownIds } from "./owner-policy.ts";
import { SkippedKinds } from "./skipped-kinds.ts";
import { isAufsMetadata, isBelowWhiteout, LINKED_FILES, OPAQUE, WHITEOUT } from "./whiteout-names.ts";

/** Largest identity that a file can have: the one above it means "leave it as it is". */
const MAX_ID = 2 ** 32 - 2;

/** Bytes of names and values of attributes that entries of one directory may add up to: a Linux file system takes less. */
const MAX_ATTRIBUTE_BYTES = 1024 * 1024;

/**
 * Makes what entries stand for, one after the other. An entry replaces what was there under its name, except that a directory stays
 * one and keeps what is in it, as with moby and containerd. What waits for the end of the layer is noted in the tree.
 */
export class EntryMaker {
  readonly skipped = new SkippedKinds();
  readonly #tree: DirectoryTree;
  readonly #files: EntryFiles;
  readonly #host: HostAbilities;
  readonly #owners: OwnerPolicy;
  #file: OpenFile | undefined;
  #entry: TarEntry | undefined;
  #order = 0;

  /** @param files those of the tree */
  constructor(tree: DirectoryTree, files: EntryFiles, host: HostAbilities) {
    this.#tree = tree;
    this.#files = files;
    this.#host = host;
    this.#owners = new OwnerPolicy(host);
  }

  /** Begins an entry. Throws what it is refused for, and what the file calls throw; `content` and `end` do, too. */
  begin(entry: TarEntry): void {
    this.#order++;
    const path = pathOfEntry(entry.name);
    if (isAufsMetadata(path, entry)) return;
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    if (isBelowWhiteout(path)) throw refused(entry.name, "its path leads through a whiteout");
    const directory = slash === -1 ? this.#tree.root : this.#tree.make(path.slice(0, slash), entry.name);
    if (name.startsWith(WHITEOUT)) this.#noteWhiteout(entry, { directory, name });
    else {
      noteFilled(directory);
      this.#make(entry, { directory, name });
    }
  }

  /** The next bytes of the entry's content. */
  content(piece: Buffer): void {
    this.#file?.write(piece);
  }

  /** The entry's content is complete. */
  end(): void {
    if (this.#file === undefined || this.#entry === undefined) return;
    this.#file.finish({ givesOwner: this.givesOwner(this.#entry) });
    this.#file = undefined;
  }

  /** Closes a file that was not completed. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Whether the file of an entry has to be given its owner; one that it cannot have is noted as skipped. */
  givesOwner(entry: TarEntry): boolean {
    const judgement = this.#owners.judge(entry);
    if (judgement === "cannot") this.skipped.add("owner", entry.name);
    return judgement === "give";
  }

  /** The owner that the file of an entry gets. */
  ownerFor(entry: TarEntry): Owner {
    return this.#owners.judge(entry) === "cannot" ? ownIds() : { uid: entry.uid, gid: entry.gid };
  }

  #make(entry: TarEntry, place: Place): void {
    if (!isId(entry.uid) || !isId(entry.gid))
      throw refused(entry.name, "its owner is no identity that a file can have");
    if (place.name === "") this.#noteRoot(entry);
    else this.#makeBelowRoot(entry, place);
  }

  #makeBelowRoot(entry: TarEntry, place: Place): void {
    switch (entry.type) {
      case "directory":
        this.#makeDirectory(entry, place);
        break;
      case "file":
        this.#replacing(place, () => {
          this.#file = this.#files.makeFile(place, entry);
        });
        this.#entry = entry;
        this.#noteAttributes(entry, place);
        break;
      case "symlink":
        this.#makeSymlink(entry, place);
        break;
      case "hardlink":
        this.#makeHardLink(entry, place);
        break;
      case "character device":
      case "block device":
      case "fifo":
        this.#noteSpecial(entry, place);
        break;
      case "other":
        throw refused(entry.name, `nobody knows what its type ${JSON.stringify(entry.flag)} is`);
    }
  }

  #noteRoot(entry: TarEntry): void {
    if (entry.type !== "directory")
      throw refused(entry.name, `the root of a layer cannot be a ${entry.type}`);
    this.#tree.root.entry = describedAgain(this.#tree.root.entry, entry);
  }

  #makeDirectory(entry: TarEntry, { directory, name }: Place): void {
    let node = directory.child(name);
    if (node === undefined) {
      this.#replacing({ directory, name }, () => {
        node = this.#tree.add(directory, name);
      });
    }
    if (node !== undefined) node.entry = describedAgain(node.entry, entry);
  }

  #makeSymlink(entry: TarEntry, place: Place): void {
    checkLinkText(entry);
    const givesOwner = this.givesOwner(entry);
    this.#replacing(place, () => this.#files.makeSymlink(place, entry, { givesOwner }));
    this.#noteAttributes(entry, place);
  }

  #makeHardLink(entry: TarEntry, place: Place): void {
    const targetPath = pathOfEntry(entry.linkName, entry.name);
    const { directory: target, name, path } = this.#tree.locate(targetPath, entry.name);
    if (isDirectory(name, target?.child(name))) throw refused(entry.name, "a hard link to a directory");
    if (name.startsWith(WHITEOUT) && !targetPath.startsWith(LINKED_FILES))
      throw refused(entry.name, "a hard link to a whiteout");
    if (target === place.directory && name === place.name) throw refused(entry.name, "a hard link to itself");
    const pending = target?.pending?.get(name);
    if (pending === undefined || pending.kind === "attributes") {
      if (this.#link(target, name, place)) this.#notePending(place, pending);
      else this.#noteCrossLink(entry, { place, target: path });
      return;
    }
    if (pending.kind === "cross link") {
      this.#noteCrossLink(entry, { place, target: pending.target });
      return;
    }
    this.#remove(place);
    this.#notePending(place, pending);
    if (pending.kind === "unmade") this.#hide(place.directory, place.name);
  }

  /** Makes a hard link; `false` when there is no such file in this layer. */
  #link(directory: DirectoryNode | undefined, name: ByteString, place: Place): boolean {
    if (directory === undefined || directory.child(name) !== undefined) return false;
    try {
      this.#replacing(place, () => this.#files.makeLink({ directory, name }, place));
      return true;
    } catch (error) {
      if (isMissingFile(error)) return false;
      throw error;
    }
  }

  #noteCrossLink(
    entry: TarEntry,
    { place, target }: { readonly place: Place; readonly target: ByteString },
  ): void {
    this.#remove(place);
    this.#notePending(place, { kind: "cross link", entry, target, order: this.#order });
  }

  #noteSpecial(entry: TarEntry, place: Place): void {
    this.#remove(place);
    const isWhiteout =
      entry.type === "character device" && entry.deviceMajor === 0 && entry.deviceMinor === 0;
    if (isWhiteout) {
      this.#hide(place.directory, place.name); // what overlayfs would take it for
      return;
    }
    const can = entry.type === "fifo" ? this.#host.fifos : this.#host.devices;
    if (!can) {
      this.skipped.add(entry.type === "fifo" ? "fifo" : "device", entry.name);
      this.#notePending(place, { kind: "unmade", entry, target: "", order: this.#order });
      this.#hide(place.directory, place.name);
      return;
    }
    if (this.#owners.judge(entry) === "cannot") this.skipped.add("owner", entry.name);
    this.#notePending(place, { kind: "special", entry, target: "", order: this.#order });
  }

  #noteAttributes(entry: TarEntry, place: Place): void {
    if (entry.xattrs !== undefined)
      this.#notePending(place, { kind: "attributes", entry, target: "", order: this.#order });
  }

  #notePending({ directory, name }: Place, pending: Pending | undefined): void {
    if (pending === undefined) return;
    directory.pending ??= new Map();
    directory.pending.set(name, pending);
  }

  #noteWhiteout(entry: TarEntry, { directory, name }: Place): void {
    if (name === OPAQUE) {
      if (!hidesAll(directory)) this.#removeUnfilled(directory);
      directory.isOpaque = true;
      return;
    }
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === "" || hidden === "." || hidden === "..")
      throw refused(entry.name, "a whiteout of nothing that has a name");
    const own = directory.child(hidden);
    if (own !== undefined && !isOwn(own)) this.#remove({ directory, name: hidden });
    else if (own !== undefined && !hidesAll(own)) this.#removeUnfilled(own);
    this.#hide(directory, hidden);
  }

  /**
   * Everything is about to be hidden that lower layers have in a directory: those in it go that are here only because something was
   * to be hidden in them, as they would go if they were those of the lower layers. Where that was done before is passed over.
   */
  #removeUnfilled(directory: DirectoryNode): void {
    for (const child of directory.children) {
      if (!isOwn(child)) this.#remove({ directory, name: child.name });
      else if (!child.isOpaque && directory.whiteouts?.has(child.name) !== true) this.#removeUnfilled(child);
    }
  }

  #hide(directory: DirectoryNode, name: ByteString): void {
    directory.whiteouts ??= new Set();
    directory.whiteouts.add(name);
  }

  /**
   * Makes something under a name; what is there already goes first. It has hidden what lower layers have under that name, which
   * stays so when a directory comes.
   */
  #replacing(place: Place, make: () => void): void {
    const { directory, name } = place;
    if (directory.pending?.delete(name)) this.#hide(directory, name);
    try {
      make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      this.#remove(place);
      this.#hide(directory, name);
      make();
    }
  }

  /** Removes what is under a name, if anything is. */
  #remove(place: Place): void {
    const { directory, name } = place;
    directory.pending?.delete(name);
    this.#files.remove(place, { isDirectory: this.#tree.drop(directory, name) });
  }
}

function noteFilled(directory: DirectoryNode): void {
  for (let at: DirectoryNode | undefined = directory; at?.isFilled === false; at = at.parent)
    at.isFilled = true;
}

/** Whether a directory is the layer's own, and not only there because something is to be hidden in it. */
function isOwn({ entry, isFilled }: DirectoryNode): boolean {
  return entry !== undefined || isFilled;
}

/** Whether a hard link cannot lead there: to the root, or a directory of the layer in whose place no lower one can have a link. */
function isDirectory(name: ByteString, node: DirectoryNode | undefined): boolean {
  return name === "" || (node !== undefined && (!node.isAssumed || node.entry !== undefined));
}

/**
 * What is known of a directory that comes again: what the later entry says, and the attributes that only an earlier one has, because the
 * directory is there and nothing takes them away.
 */
function describedAgain(before: TarEntry | undefined, entry: TarEntry): TarEntry {
  if (before?.xattrs === undefined) return entry;
  const xattrs = new Map([...before.xattrs, ...(entry.xattrs ?? [])]);
  const bytes = [...xattrs].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes > MAX_ATTRIBUTE_BYTES)
    throw refused(entry.name, `its attributes have ${bytes} bytes, more than ${MAX_ATTRIBUTE_BYTES}`);
  return { ...entry, xattrs };
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= MAX_ID;
}
