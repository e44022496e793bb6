import { constants, openSync, renameSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { inSlices, Slices } from "../../async/slices.ts";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { makeEmptyDirectory } from "../../disk/make-empty-directory.ts";
import { onDisk } from "../../disk/on-disk.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import { emptyDirectory } from "../tree/remove-tree.ts";
import { DirectoryTree } from "../unpack/directory-tree.ts";
import { DiskFiles } from "../unpack/disk-files.ts";
import type { OpenFile, Place } from "../unpack/entry-files.ts";
import { EntryMaker } from "../unpack/entry-maker.ts";
import { findAbilities } from "../unpack/find-abilities.ts";
import { finishLayer } from "../unpack/finish-layer.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import { skippedInWords } from "../unpack/skipped-kinds.ts";
import { ImageDirectory, type ImageTree } from "./image-tree.ts";
import type { KnownFile } from "./known-entry.ts";
import { type ReadImageOptions, readContents, readImage } from "./read-image.ts";
import type { ReadableLayer } from "./readable-layer.ts";
import { type NamedNode, Selection, type SelectionOptions } from "./selection.ts";
import { Spool } from "./spool.ts";

/** How an image is extracted. */
export type ExtractImageOptions = Omit<ReadImageOptions, "spool"> & SelectionOptions;

/** What was extracted. */
export interface ExtractOutcome {
  /** Files, directories, links and all others; those that only lead to what was wanted included. */
  readonly entries: number;
  /** Bytes of the files, each counted once. */
  readonly bytes: number;
  /** What of the image this host could not make, in words; empty when everything is there. */
  readonly missing: readonly string[];
}

const ACTION = "extract image";

/**
 * Makes what layers show together, or some paths of it, in `directory`, which is missing or empty. Nothing is made in its place before
 * all layers were read and found to be right; when that fails, what was made is removed. Throws as `readImage` and `Selection` do,
 * `ErrAlreadyExists` when something is in the directory, and the classes of `diskError`.
 *
 * @param layers lowest first
 */
export async function extractImage(
  layers: readonly ReadableLayer[],
  directory: string,
  options: ExtractImageOptions,
): Promise<ExtractOutcome> {
  await makeEmptyDirectory(ACTION, directory, `${ACTION} to`);
  try {
    // On the same file system, and the directory's own: files are complete here before they get their names.
    const scratch = await onDisk(ACTION, directory, () => mkdtemp(join(directory, ".drayage-")));
    const host = await findAbilities(directory);
    const spool = new Spool(scratch, host);
    const image = await readImage(layers, { ...options, spool });
    const selection = new Selection(image, options);
    await readContents(layers, filesOf(selection), { ...options, spool });
    return await onDisk(ACTION, directory, () =>
      makeSelection(image, selection, { directory, scratch, host, signal: options.signal }),
    );
  } catch (error) {
    await emptyDirectory(Buffer.from(directory)).catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

function* filesOf(selection: Selection): Generator<KnownFile> {
  for (const { node } of selection.nodes()) if (!(node instanceof ImageDirectory)) yield node;
}

/** Where and how the files get their places. */
interface Making extends AbortOptions {
  readonly directory: string;
  /** Where they are, to be removed when it is done. */
  readonly scratch: string;
  readonly host: HostAbilities;
}

async function makeSelection(
  { root }: ImageTree,
  selection: Selection,
  { directory, scratch, host, signal }: Making,
): Promise<ExtractOutcome> {
  const rootFd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const files = new SpooledFiles();
  try {
    const tree = new DirectoryTree(files, { rootFd });
    const maker = new EntryMaker(tree, files, host);
    const replay = new Replay(tree, { maker, files, host });
    if (root.entry !== undefined) replay.add({ path: "", node: root, isMeant: true });
    const { pause } = new Slices({ signal });
    for (const one of selection.nodes()) {
      replay.add(one);
      await pause();
    }
    await rm(scratch, { recursive: true });
    // It hides nothing: not even what it cannot make.
    const finishing = finishLayer(tree, { files, host, maker, hides: false });
    const { skipped } = await inSlices(finishing, pause);
    return { entries: replay.entries, bytes: replay.bytes, missing: skipped.map(skippedInWords) };
  } finally {
    files.close();
    closeQuietly(rootFd);
  }
}

/** Files that are complete, and get their places by renaming. */
class SpooledFiles extends DiskFiles {
  /** The file whose turn it is. */
  current: KnownFile | undefined;

  override makeFile(place: Place): OpenFile {
    if (this.current?.spooled !== undefined) renameSync(this.current.spooled, this.pathOf(place));
    return { write: () => {}, finish: () => {}, close: () => {} };
  }
}

/** Has an image made once more as if it were a single layer, which hides nothing. */
class Replay {
  entries = 0;
  bytes = 0;
  readonly #tree: DirectoryTree;
  readonly #maker: EntryMaker;
  readonly #files: SpooledFiles;
  readonly #host: HostAbilities;
  readonly #paths = new Map<KnownFile, ByteString>();

  constructor(
    tree: DirectoryTree,
    {
      maker,
      files,
      host,
    }: { readonly maker: EntryMaker; readonly files: SpooledFiles; readonly host: HostAbilities },
  ) {
    this.#tree = tree;
    this.#maker = maker;
    this.#files = files;
    this.#host = host;
  }

  add({ path, node }: NamedNode): void {
    if (path !== "" && this.#canMake(node)) this.entries++;
    if (node instanceof ImageDirectory) this.#addDirectory(path, node);
    else this.#addFile(path, node);
  }

  #canMake({ entry }: NamedNode["node"]): boolean {
    if (entry?.type === "fifo") return this.#host.fifos;
    return this.#host.devices || !entry?.type.endsWith("device");
  }

  #addDirectory(path: ByteString, { entry }: ImageDirectory): void {
    if (entry === undefined) this.#tree.make(path, path);
    else this.#begin({ ...entry, name: path, flag: "5" });
  }

  #addFile(path: ByteString, file: KnownFile): void {
    const linkName = this.#paths.get(file);
    if (linkName !== undefined) {
      this.#begin({ ...file.entry, name: path, flag: "1", type: "hardlink", linkName });
      return;
    }
    if (file.names > 1) this.#paths.set(file, path);
    this.#files.current = file;
    if (file.entry.type === "file") this.bytes += file.entry.size;
    this.#begin({ ...file.entry, name: path, flag: "0" });
  }

  #begin(entry: TarEntry): void {
    this.#maker.begin(entry);
    this.#maker.end();
  }
}
