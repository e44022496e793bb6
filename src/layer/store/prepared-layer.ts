import { rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { untilAborted } from "../../async/until-aborted.ts";
import type { Digest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { syncDirectory, writeFileAtomic } from "../../disk/write-file-atomic.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { isUnavailable } from "../../errors/predicates.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { type LayerTree, writeNotes } from "../tree/layer-tree.ts";
import { removeTree } from "../tree/remove-tree.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { BlobGrowth, BlobUnpacker, Unpacked, UnpackingOptions, UnpackOrder } from "./blob-unpacker.ts";
import { lockChanges } from "./change-lock.ts";
import type { LayerLayout } from "./layer-layout.ts";
import { type LayerRecord, writeLayerRecord } from "./layer-record.ts";
import { linksBelow } from "./links-below.ts";
import { mendLayer } from "./mend-layer.ts";
import { makePlace } from "./replaced-layers.ts";
import { bootId } from "./settling.ts";
import { type StagedDirectory, stageDirectory } from "./staging.ts";

/** The file of a blob that is on its way. */
export interface GrowingSource extends BlobGrowth {
  readonly path: string;
  /** Resolves when the blob is whole, and its digest was right; rejects when that will not be. */
  verified(): Promise<void>;
}

/**
 * The blob of a layer: a file, or bytes that are written to one first, either of them whole and verified; or a file that still grows,
 * of which nothing becomes a layer before it is verified.
 */
export interface LayerSource {
  readonly diffId: Digest;
  /** Digest of the blob, to be remembered. */
  readonly digest?: Digest | undefined;
  readonly blob:
    | { readonly path: string }
    | { readonly bytes: AsyncIterable<Uint8Array> }
    | { readonly growing: GrowingSource };
}

/** Where and by whom a layer is unpacked. */
export interface PrepareParts {
  readonly layout: LayerLayout;
  readonly unpacker: BlobUnpacker;
  /** Gives the right to make this layer back. */
  readonly making: Release;
  /** Whether there are layers below it. */
  readonly hides: boolean;
}

/** How a layer is unpacked. */
export type PrepareOptions = UnpackingOptions;

/** A layer that has everything that it will have, and is not in its place yet. */
export interface CompleteLayer {
  readonly record: LayerRecord;
  /** What will be the layer's directory. */
  readonly directory: string;
  /** See `UnpackOutcome.implicitParents`. */
  readonly implicitParents: UnpackOutcome["implicitParents"];
}

/** Directories of layers are their owner's alone: they may hold programs that run as somebody else. */
const PRIVATE_MODE = 0o700;

/** The root of an image may be entered by all whom the host lets come that far (as containerd and docker have it). */
const TREE_MODE = 0o755;

/**
 * Most times that a layer is unpacked again because its paths lead through links of lower layers: once is enough, unless what
 * they lead to has links in it that only then come to light.
 */
const MAX_ROUNDS = 8;

/** A layer that is unpacked, and has no place among the others yet. It has one maker, who publishes or discards it. */
export class PreparedLayer {
  readonly #parts: PrepareParts;
  readonly #source: LayerSource;
  readonly #staged: StagedDirectory;
  #unpacked: Unpacked;
  #isDone = false;

  constructor(parts: PrepareParts, source: LayerSource, staged: StagedDirectory, unpacked: Unpacked) {
    this.#parts = parts;
    this.#source = source;
    this.#staged = staged;
    this.#unpacked = unpacked;
  }

  /** Whether what is in the layer depends on those below. */
  get isDependent(): boolean {
    const { implicitParents, assumedParents, crossLinks, whiteouts } = this.#unpacked;
    return implicitParents.length + assumedParents.length + crossLinks.length + whiteouts.length > 0;
  }

  /**
   * Adds what depends on its place. Throws as `prepareLayer` and `mendLayer` do, and the classes of `diskError`.
   *
   * @param below the layers below, uppermost first
   * @param source where the blob is now; it may have moved since the layer was unpacked
   */
  async complete(
    place: { readonly chainId: Digest; readonly parent: Digest | undefined },
    below: readonly LayerTree[],
    { source, signal }: AbortOptions & { readonly source: LayerSource },
  ): Promise<CompleteLayer> {
    const { path: blobPath = spoolOf(this.#staged) } = "path" in source.blob ? source.blob : {};
    await this.#goThroughLinks(below, blobPath, signal);
    const { layout } = this.#parts;
    const { path: directory } = this.#staged;
    const { entries, bytes, overlay, missing, implicitParents } = this.#unpacked;
    const { diffId, digest: blob } = this.#source;
    const boot = await bootId();
    const record: LayerRecord = { ...place, diffId, blob, entries, bytes, boot, overlay, missing };
    const layer = { tree: layout.treePath(directory), scratch: directory };
    await writeNotes(directory, await mendLayer(layer, this.#unpacked, below));
    await forgetSpool(spoolOf(this.#staged));
    await writeLayerRecord(layout.recordPath(directory), record);
    return { record, directory, implicitParents };
  }

  /** Makes it a layer for everybody, when it is complete. What lies in its place goes. Throws the classes of `diskError`. */
  async publish({ record: { chainId } }: CompleteLayer): Promise<void> {
    const { layout } = this.#parts;
    const target = layout.layerPath(chainId);
    await makeDirectory(dirname(target), { mode: PRIVATE_MODE });
    const isTaken = await isThere(target);
    const release = await lockChanges(layout, isTaken ? "exclusive" : "shared"); // a place is empty while it changes hands
    try {
      if (isTaken) await makePlace(layout, chainId);
      await this.#staged.publish(target);
      this.#isDone = true;
    } finally {
      release();
    }
    await syncDirectory(dirname(target)).catch((cause: unknown) => {
      throw diskError("publish layer", target, cause);
    });
  }

  /** Removes it if it was not published, and gives the right to make it back. Throws the classes of `diskError`. */
  async discard(): Promise<void> {
    try {
      if (!this.#isDone) await this.#staged.remove();
    } finally {
      this.#isDone = true;
      this.#parts.making();
    }
  }

  /** Unpacks the layer again when its entries belong where links of lower layers lead, which nobody knew the first time. */
  async #goThroughLinks(
    below: readonly LayerTree[],
    blobPath: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { layout, unpacker, hides } = this.#parts;
    const { diffId } = this.#source;
    const lowerLinks = new Map<ByteString, ByteString>();
    for (let round = 0; ; round++) {
      const found = await linksBelow(this.#unpacked.assumedParents, below);
      if (found.size === 0) return;
      if (round === MAX_ROUNDS)
        throw new ErrInvalidArgument(
          "unpack layer: its paths lead through too many links of the layers below",
        );
      for (const [path, text] of found) lowerLinks.set(path, text);
      const directory = layout.treePath(this.#staged.path);
      await removeTree(directory);
      const order = { blobPath, diffId, directory, lowerLinks, hides };
      this.#unpacked = await unpackInto(order, unpacker, { signal });
    }
  }
}

/** Where bytes of a blob lie that is no file, until the layer is complete. */
function spoolOf({ path }: StagedDirectory): string {
  return join(path, "blob");
}

async function forgetSpool(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (cause) {
    throw diskError("complete layer", path, cause);
  }
}

/** Unpacks a layer where nobody sees it. Throws as `BlobUnpacker.unpack` does, and what `bytes` throw. */
export async function prepareLayer(
  parts: PrepareParts,
  source: LayerSource,
  options: PrepareOptions,
): Promise<PreparedLayer> {
  const { layout, unpacker, hides } = parts;
  const staged = await stageDirectory(layout);
  try {
    const directory = layout.treePath(staged.path);
    const file = await fileOf(source, spoolOf(staged), options);
    const order = { ...file, diffId: source.diffId, directory, hides };
    const unpacked = await unpackInto(order, unpacker, options);
    if ("growing" in source.blob) await source.blob.growing.verified();
    return new PreparedLayer(parts, source, staged, unpacked);
  } catch (error) {
    await staged.remove().catch(() => {}); // what failed first is what counts; the next start removes what stays
    throw error;
  }
}

/**
 * Makes the directory, and unpacks the layer there: once more when the thread that did it died, which other work of the process may
 * have brought about. What still grows is begun again by who follows it.
 */
async function unpackInto(
  order: UnpackOrder,
  unpacker: BlobUnpacker,
  options: UnpackingOptions,
): Promise<Unpacked> {
  const { directory, growth } = order;
  await makeDirectory(directory, { mode: TREE_MODE });
  try {
    return await unpacker.unpack(order, options);
  } catch (error) {
    if (growth || !isUnavailable(error)) throw error;
    await removeTree(directory);
    await makeDirectory(directory, { mode: TREE_MODE });
    return await unpacker.unpack(order, options);
  }
}

/** Bytes are written to `spooled` first. */
async function fileOf(
  { blob }: LayerSource,
  spooled: string,
  { signal }: AbortOptions,
): Promise<Pick<UnpackOrder, "blobPath" | "growth">> {
  if ("growing" in blob) return { blobPath: blob.growing.path, growth: blob.growing };
  if ("path" in blob) return { blobPath: blob.path };
  await writeFileAtomic(spooled, untilAborted(blob.bytes, signal));
  return { blobPath: spooled };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if (isMissingFile(cause)) return false;
    throw diskError("look for layer", path, cause);
  }
}
