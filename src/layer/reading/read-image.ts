import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { type Pause, Slices } from "../../async/slices.ts";
import { ErrResourceExhausted } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import type { TarSink } from "../../tar/tar-reader.ts";
import { joined } from "../unpack/directory-node.ts";
import { DirectoryTree } from "../unpack/directory-tree.ts";
import type { OpenFile, Place } from "../unpack/entry-files.ts";
import { EntryMaker } from "../unpack/entry-maker.ts";
import { refused } from "../unpack/entry-name.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import type { UnpackLimits } from "../unpack/unpack-limits.ts";
import { isWhiteout, OPAQUE, WHITEOUT } from "../unpack/whiteout-names.ts";
import { ImageTree } from "./image-tree.ts";
import type { KnownFile } from "./known-entry.ts";
import { type KeepContent, MemoryFiles } from "./memory-files.ts";
import { mergeLayer } from "./merge-layer.ts";
import { readArchive } from "./read-archive.ts";
import type { ReadableLayer } from "./readable-layer.ts";
import type { Spool } from "./spool.ts";

/** Most names of an image that are remembered at the same time, those of the layer that is read included: about 650 MiB. */
const MAX_NAMES = 2_097_152;

/** How an image is read. */
export interface ReadImageOptions extends AbortOptions {
  readonly limits: UnpackLimits;
  /** Where contents are kept; absent where nobody wants any. */
  readonly spool?: Spool | undefined;
  /** Paths of which the contents are wanted, with all below them. Absent: all. */
  readonly paths?: readonly ByteString[] | undefined;
  /** Whether entries that stand for nothing, by which a layer hides what is below it, are refused. Default false. */
  readonly refusesWhiteouts?: boolean | undefined;
}

/** In memory everything can be made. */
const ABLE: HostAbilities = {
  isRoot: true,
  owners: "any",
  devices: true,
  fifos: true,
  xattrs: ["security", "trusted", "user"],
  overlay: "trusted",
};

/**
 * Reads the layers of an image, lowest first, each one through once, and tells what they show together. Contents that are wanted are
 * in the spool then, unless upper layers hide them, or a link leads to them from somewhere else. Throws as `readArchive` does,
 * `ErrInvalidArgument` for entries that no layer may have, and `ErrResourceExhausted` for too many names.
 */
export async function readImage(
  layers: readonly ReadableLayer[],
  options: ReadImageOptions,
): Promise<ImageTree> {
  const image = new ImageTree();
  const { pause } = new Slices(options);
  for (const [index, layer] of layers.entries()) await readOnto(image, layer, index, { ...options, pause });
  return image;
}

async function readOnto(
  image: ImageTree,
  layer: ReadableLayer,
  index: number,
  options: ReadImageOptions & { readonly pause: Pause },
): Promise<void> {
  const files = new MemoryFiles(index, keepWanted(options));
  const tree = new DirectoryTree(files, { lowerLinks: { get: (path) => image.linkAt(path) } });
  const maker = new EntryMaker(tree, files, ABLE);
  const { maxEntries } = options.limits;
  const most = Math.min(maxEntries, MAX_NAMES - image.names);
  const sink: TarSink = {
    begin(entry) {
      if (++files.order > most) throw tooMany(layer, most);
      if (options.refusesWhiteouts && isWhiteout(entry.name))
        throw refused(entry.name, "a whiteout, where there is nothing to hide");
      maker.begin(entry);
    },
    content: (piece) => maker.content(piece),
    end: () => maker.end(),
  };
  try {
    await readArchive(layer, sink, options);
    for (const name of hiddenNames(layer)) maker.begin(emptyFile(name));
    await mergeLayer(image, { tree, files, layer: index }, options);
  } finally {
    maker.close();
  }
}

/** Keeps what is at the paths or below them. */
function keepWanted({ spool, paths }: ReadImageOptions): KeepContent {
  if (spool === undefined) return () => undefined;
  const isWanted = ({ directory, name }: Place): boolean => {
    if (paths === undefined) return true;
    const path = joined(directory, name);
    return paths.some((wanted) => wanted === "" || path === wanted || path.startsWith(`${wanted}/`));
  };
  return (file, entry, place) => (isWanted(place) ? spool.begin(file, entry) : undefined);
}

/** What a layer hides beside its archive, by the names that would say so in it. */
function hiddenNames({ hidden }: ReadableLayer): readonly ByteString[] {
  const marks = (hidden?.whiteouts ?? []).map((name) => {
    const at = name.lastIndexOf("/") + 1;
    return `${name.slice(0, at)}${WHITEOUT}${name.slice(at)}`;
  });
  return [...marks, ...(hidden?.opaque ?? []).map((name) => `${name}/${OPAQUE}`)];
}

function emptyFile(name: ByteString): TarEntry {
  return {
    name,
    type: "file",
    flag: "0",
    linkName: "",
    size: 0,
    fileSize: 0,
    sparse: undefined,
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: undefined,
  };
}

/**
 * Brings contents into the spool that were not wanted when their layers were read: of these layers the archive is read once more. Throws
 * as `readArchive` does.
 */
export async function readContents(
  layers: readonly ReadableLayer[],
  wanted: Iterable<KnownFile>,
  { spool, ...options }: ReadImageOptions & { readonly spool: Spool },
): Promise<void> {
  const { pause } = new Slices(options);
  const byLayer = new Map<number, Map<number, KnownFile>>();
  for (const file of wanted) {
    await pause();
    if (file.spooled !== undefined || file.entry.type !== "file") continue;
    byLayer.set(file.layer, (byLayer.get(file.layer) ?? new Map()).set(file.order, file));
  }
  for (const [index, files] of byLayer) {
    throwIfAborted(options.signal);
    const layer = layers[index];
    const sink = new ContentSink(files, spool);
    try {
      if (layer) await readArchive(layer, sink, { ...options, pause });
    } finally {
      sink.close();
    }
  }
}

/** Takes the contents of some entries, by their places in the archive. */
class ContentSink implements TarSink {
  readonly #files: ReadonlyMap<number, KnownFile>;
  readonly #spool: Spool;
  #order = 0;
  #open: OpenFile | undefined;

  constructor(files: ReadonlyMap<number, KnownFile>, spool: Spool) {
    this.#files = files;
    this.#spool = spool;
  }

  begin(entry: TarEntry): void {
    const file = this.#files.get(++this.#order);
    this.#open = file && this.#spool.begin(file, entry);
  }

  content(piece: Buffer): void {
    this.#open?.write(piece);
  }

  end(): void {
    this.#open?.finish({ givesOwner: true });
    this.#open = undefined;
  }

  /** Closes a file that was not completed. */
  close(): void {
    this.#open?.close();
  }
}

function tooMany({ digest }: ReadableLayer, most: number): ErrResourceExhausted {
  const message = `read layer ${digest}: got more than ${most} entries`;
  return new ErrResourceExhausted(message, { digest, retryable: false });
}
