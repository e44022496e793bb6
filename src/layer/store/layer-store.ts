import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { plainWaiter, type Waiter } from "../../async/waiting.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../errors/classes.ts";
import type { AssembleOptions } from "../rootfs/assemble.ts";
import type { Mounts, OverlayOptions } from "../rootfs/overlay-mounts.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import { lockChanges } from "./change-lock.ts";
import { LayerFiles } from "./layer-files.ts";
import type { LayerRecord } from "./layer-record.ts";
import { LayerUses } from "./layer-uses.ts";
import { lockMaking } from "./making.ts";
import { type LayerSource, type PreparedLayer, type PrepareOptions, prepareLayer } from "./prepared-layer.ts";
import { Settling } from "./settling.ts";
import { type SweepLayersOptions, type SweptLayer, sweepLayers } from "./sweep-layers.ts";
import type { Unpacker } from "./unpacker.ts";
import { UseLocks } from "./use-locks.ts";

/** A layer that is there. Whoever got it keeps it from being removed, until he releases it. */
export interface StoredLayer extends LayerRecord {
  /** Directory with the layer's own files, those that it takes away as overlayfs wants them. */
  readonly path: string;
}

/** Where a layer belongs. */
export interface LayerPlace {
  readonly chainId: Digest;
  /** Chain ID of the layer below; absent for the lowest. */
  readonly parent: Digest | undefined;
}

/** What a layer store works with. */
export interface LayerStoreParts {
  /** The data root; `layers` and `locks` in it are made with the first layer. */
  readonly root: string;
  readonly unpacker: Unpacker;
  /** Closes what was opened for this store. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/** How a layer is made. */
export interface MakeLayerOptions extends PrepareOptions {
  /** Waits while another process makes the layer. Default: nobody is told. */
  readonly waiter?: Waiter | undefined;
}

/**
 * Layers of images by chain ID, each a directory of its own on those below it (moby `layer.Store`). Processes share them: a
 * layer is unpacked once, and stays as long as somebody uses it, keeps it, or keeps one that lies on it.
 */
export class LayerStore implements AsyncDisposable {
  readonly #files: LayerFiles;
  readonly #unpacker: Unpacker;
  readonly #onClose: LayerStoreParts["onClose"];
  readonly #locks: UseLocks;
  readonly #uses: LayerUses;
  readonly #settling: Settling;
  /** What was unpacked before its place in the chain was there. */
  readonly #prepared = new Map<Digest, PreparedLayer>();

  constructor({ root, unpacker, onClose }: LayerStoreParts) {
    this.#files = new LayerFiles(root);
    this.#unpacker = unpacker;
    this.#onClose = onClose;
    this.#locks = new UseLocks(this.#files.layout);
    this.#uses = new LayerUses(this.#files.layout);
    this.#settling = new Settling(this.#files.layout);
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
    if (record) return { ...record, path: this.#files.treePath(chainId) };
    await this.#locks.drop(chainId);
    return undefined;
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
    const prepared = await this.#unpack(source, place, options);
    if (!prepared) return async () => {};
    this.#prepared.set(place.chainId, prepared);
    return async () => {
      if (this.#prepared.get(place.chainId) === prepared) this.#prepared.delete(place.chainId);
      await prepared.discard();
    };
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
      const prepared = this.#takePrepared(place) ?? (await this.#unpack(source, place, options));
      const layer = prepared ? await this.#publish(prepared, place) : await this.get(place.chainId, options);
      if (layer) return layer; // otherwise it was removed again meanwhile
    }
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
    const prepared = [...this.#prepared.values()];
    this.#prepared.clear();
    for (const one of prepared) await one.discard();
    await this.#settling.close();
    await this.#locks.dropAll();
    await this.#onClose?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** `undefined` when the layer is there by the time that it may be made here. */
  async #unpack(
    source: LayerSource,
    { chainId }: LayerPlace,
    options: MakeLayerOptions,
  ): Promise<PreparedLayer | undefined> {
    const { layout } = this.#files;
    const making = await lockMaking(layout, chainId, options.waiter ?? plainWaiter(options));
    try {
      if (!(await this.#files.find(chainId))) {
        return await prepareLayer({ layout, unpacker: this.#unpacker, making }, source, options);
      }
    } catch (error) {
      making();
      throw error;
    }
    making();
    return undefined;
  }

  #takePrepared({ chainId }: LayerPlace): PreparedLayer | undefined {
    const prepared = this.#prepared.get(chainId);
    this.#prepared.delete(chainId);
    return prepared;
  }

  async #publish(prepared: PreparedLayer, place: LayerPlace): Promise<StoredLayer> {
    const { chainId } = place;
    try {
      const below = await this.#below(place, prepared.isDependent);
      await this.#locks.hold(chainId); // before anybody can see it, and remove it
      try {
        const record = await prepared.publish(place, below);
        this.#settling.add(chainId);
        return { ...record, path: this.#files.treePath(chainId) };
      } catch (error) {
        await this.#locks.drop(chainId);
        throw error;
      }
    } finally {
      await prepared.discard();
    }
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
    const record = await this.#files.find(chainId);
    if (record) return record;
    throw new ErrNotFound(`read layer ${chainId}: it is not here`, { digest: chainId });
  }

  /** The layers below, uppermost first; where only the lowest of them matters, that it is there is all. */
  async #below({ parent }: LayerPlace, isDependent: boolean): Promise<readonly LayerTree[]> {
    const trees: LayerTree[] = [];
    for (let at = parent; at !== undefined; ) {
      const record = await this.#files.find(at);
      if (!record)
        throw new ErrNotFound(`register layer: the layer below it, ${at}, is not here`, { digest: at });
      if (!isDependent) break;
      trees.push(await this.#files.tree(at));
      at = record.parent;
    }
    return trees;
  }
}

function notNative(chainId: Digest): ErrFailedPrecondition {
  const reason =
    "it hides files in a form that overlayfs does not know: it was unpacked without the right to make devices";
  return new ErrFailedPrecondition(`mount layer ${chainId}: ${reason}`, { digest: chainId });
}
