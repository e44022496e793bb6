import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../errors/classes.ts";
import type { AssembleOptions } from "../rootfs/assemble.ts";
import type { Mounts, OverlayOptions } from "../rootfs/overlay-mounts.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import type { BlobUnpacker } from "./blob-unpacker.ts";
import { lockChanges } from "./change-lock.ts";
import { LayerFiles } from "./layer-files.ts";
import {
  LayerMaker,
  type LayerPlace,
  type MakeLayerOptions,
  type VerifiedLayer,
  type VerifyLayerOptions,
} from "./layer-maker.ts";
import type { LayerRecord } from "./layer-record.ts";
import { LayerUses } from "./layer-uses.ts";
import type { LayerSource } from "./prepared-layer.ts";
import { sweepReplaced } from "./replaced-layers.ts";
import { settleAll } from "./settling.ts";
import { type SweepLayersOptions, type SweptLayer, sweepLayers } from "./sweep-layers.ts";
import { UseLocks } from "./use-locks.ts";

/** A layer that is there. Whoever got it keeps it from being removed, until he releases it. */
export interface StoredLayer extends LayerRecord {
  /** Directory with the layer's own files, those that it takes away as overlayfs wants them. */
  readonly path: string;
}

/** What a layer store works with. */
export interface LayerStoreParts {
  /** The data root; `layers` and `locks` in it are made with the first layer. */
  readonly root: string;
  readonly unpacker: BlobUnpacker;
  /** Closes what was opened for this store; what is being unpacked fails then. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/**
 * Layers of images by chain ID, each a directory of its own on those below it (moby `layer.Store`). Processes share them: a
 * layer is unpacked once, and stays as long as somebody uses it, keeps it, or keeps one that lies on it.
 */
export class LayerStore implements AsyncDisposable {
  readonly #files: LayerFiles;
  readonly #maker: LayerMaker;
  readonly #onClose: LayerStoreParts["onClose"];
  readonly #locks: UseLocks;
  readonly #uses: LayerUses;

  constructor({ root, unpacker, onClose }: LayerStoreParts) {
    this.#files = new LayerFiles(root);
    this.#onClose = onClose;
    this.#locks = new UseLocks(this.#files.layout);
    this.#uses = new LayerUses(this.#files.layout);
    this.#maker = new LayerMaker({ files: this.#files, unpacker, locks: this.#locks });
  }

  /**
   * The layer if it is there, held until `release`. One whose record is damaged is none. Throws `ErrCanceled`, and the classes
   * of `diskError`.
   */
  async get(chainId: Digest, options: AbortOptions = {}): Promise<StoredLayer | undefined> {
    throwIfAborted(options.signal);
    if (!(await this.#files.find(chainId))) return undefined; // without a lock for what was never there
    await this.#locks.hold(chainId, options);
    const record = await this.#files.find(chainId);
    if (record) return this.#stored(record);
    await this.#locks.drop(chainId);
    return undefined;
  }

  /** A layer will come that is not here: does what takes its time before it can be unpacked. Never throws. */
  getReady(): void {
    this.#maker.getReady();
  }

  /**
   * Unpacks a layer whose place need not be there yet: layers are unpacked side by side, and only `register` waits for the one
   * below. What is never registered is removed by the function that this resolves to. Throws `ErrDataLoss` for a blob that is
   * damaged or has another diffID, `ErrInvalidArgument` for one whose entries are unacceptable, `ErrResourceExhausted` for
   * one beyond the limits and for a full disk, `ErrCanceled`, and the classes of `diskError`.
   */
  async prepare(
    source: LayerSource,
    place: LayerPlace,
    options: MakeLayerOptions = {},
  ): Promise<() => Promise<void>> {
    return await this.#maker.prepare(source, place, options);
  }

  /**
   * Makes a layer visible on its parent, which the caller holds, and holds it for the caller until `release`: the one that was
   * prepared, the one that somebody else has made meanwhile, or else one that is unpacked now. Throws as `prepare` does, and
   * `ErrNotFound` when the parent is not there.
   */
  async register(
    source: LayerSource,
    place: LayerPlace,
    options: MakeLayerOptions = {},
  ): Promise<StoredLayer> {
    for (;;) {
      const made = await this.#maker.make(source, place, options);
      const layer = made ? this.#stored(made) : await this.get(place.chainId, options);
      if (layer) return layer; // otherwise it was removed again meanwhile
    }
  }

  /**
   * Unpacks a layer again, beside the one that is there, and compares them: everything that an archive says of an entry, and the
   * record. With `repair` the new one takes the place of one that is not the same; whoever uses that or has mounted it keeps it
   * until he lets it go. The layers below have to be there. Throws as `register` does, and `ErrFailedPrecondition` when the layer
   * was made with other rights, so that it cannot be the same, `ErrNotImplemented` without GNU tar.
   */
  async verify(
    source: LayerSource,
    place: LayerPlace,
    options: VerifyLayerOptions = {},
  ): Promise<VerifiedLayer> {
    return await this.#maker.verify(source, place, options);
  }

  /** Gives a layer back that `get` or `register` gave. */
  async release({ chainId }: Pick<StoredLayer, "chainId">): Promise<void> {
    await this.#locks.drop(chainId);
  }

  /**
   * Says that `user` keeps a layer, and all below it, until `unuse`, whatever runs; instead of the one that he kept before. The
   * caller holds the layer. Throws the classes of `diskError`.
   */
  async use(user: string, chainId: Digest, options: AbortOptions = {}): Promise<void> {
    const release = await lockChanges(this.#files.layout, "shared", options);
    try {
      await this.#uses.add({ user, chainId });
    } finally {
      release();
    }
  }

  /**
   * Sees to it now that layers survive a power cut, for whoever keeps nothing that they could be made of again. Returns whether that
   * is certain: not where the program `sync` cannot be run.
   */
  async settle(chainIds: readonly Digest[]): Promise<boolean> {
    return await settleAll(this.#files.layout, chainIds);
  }

  /** Takes back what `use` said; the next sweep may remove the layer. Throws the classes of `diskError`. */
  async unuse(user: string): Promise<void> {
    await this.#uses.remove(user);
  }

  /**
   * Makes `directory`, missing or empty, the root file system that these layers show together. Throws `ErrNotFound` for a layer
   * that is not here, and as `assemble` in the room of root file systems does.
   *
   * @param chainIds lowest first; the caller holds them
   */
  async assemble(
    chainIds: readonly Digest[],
    directory: string,
    options: AssembleOptions = {},
  ): Promise<void> {
    const { assemble } = await import("../rootfs/assemble.ts");
    await assemble(await this.#trees(chainIds), directory, options);
  }

  /**
   * The mounts that show these layers together, in the form of containerd's. Throws `ErrNotFound` for a layer that is not here,
   * `ErrFailedPrecondition` for one that hides files in a form that overlayfs does not know, and as `overlayMounts` does.
   *
   * @param chainIds lowest first; they stay as long as somebody keeps or holds them
   */
  async mounts(chainIds: readonly Digest[], options: OverlayOptions = {}): Promise<Mounts> {
    const { overlayMounts } = await import("../rootfs/overlay-mounts.ts");
    const paths: string[] = [];
    let userXattr = options.userXattr ?? false;
    for (const chainId of chainIds.toReversed()) {
      const { overlay } = await this.#recordOf(chainId);
      const { path, whiteouts, opaque } = await this.#files.tree(chainId);
      const hides = whiteouts.size + opaque.size > 0;
      if (hides && overlay === "none") throw notNative(chainId);
      if (hides && overlay === "user") userXattr = true;
      paths.push(path);
      if (opaque.has("")) break; // overlayfs knows no mark for a root of which nothing below is to be seen
    }
    return await overlayMounts(paths, this.#files.layout.layers, { ...options, userXattr });
  }

  /** All layers that are there. Throws the classes of `diskError`. */
  async list(): Promise<readonly LayerRecord[]> {
    return await this.#files.list();
  }

  /** Removes layers that nobody keeps or uses. Throws as `sweepLayers` does. */
  async sweep(options: SweepLayersOptions): Promise<readonly SweptLayer[]> {
    return await sweepLayers(this.#files, options);
  }

  /** Removes what was prepared and not registered, and gives up everything that is held here. */
  async close(): Promise<void> {
    await this.#onClose?.();
    await this.#maker.close();
    await this.#locks.dropAll();
    await sweepReplaced(this.#files.layout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stored(record: LayerRecord): StoredLayer {
    return { ...record, path: this.#files.treePath(record.chainId) };
  }

  async #trees(chainIds: readonly Digest[]): Promise<readonly LayerTree[]> {
    const trees: LayerTree[] = [];
    for (const chainId of chainIds) {
      await this.#recordOf(chainId);
      trees.push(await this.#files.tree(chainId));
    }
    return trees;
  }

  async #recordOf(chainId: Digest): Promise<LayerRecord> {
    const record = (await this.#files.find(chainId)) ?? (await this.#recordAfterChanges(chainId));
    if (record) return record;
    throw new ErrNotFound(`read layer ${chainId}: it is not here`, { digest: chainId });
  }

  /** The place of a layer is empty for a moment while another one is put there. */
  async #recordAfterChanges(chainId: Digest): Promise<LayerRecord | undefined> {
    const release = await lockChanges(this.#files.layout, "shared");
    try {
      return await this.#files.find(chainId);
    } finally {
      release();
    }
  }
}

function notNative(chainId: Digest): ErrFailedPrecondition {
  const reason =
    "it hides files in a form that overlayfs does not know: it was unpacked without the right to make devices";
  return new ErrFailedPrecondition(`mount layer ${chainId}: ${reason}`, { digest: chainId });
}
