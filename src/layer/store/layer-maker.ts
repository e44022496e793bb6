import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { plainWaiter, type Waiter } from "../../async/waiting.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import type { BlobUnpacker } from "./blob-unpacker.ts";
import { compareLayer, type LayerDifferences } from "./compare-layer.ts";
import type { LayerFiles } from "./layer-files.ts";
import type { LayerRecord } from "./layer-record.ts";
import { lockMaking } from "./making.ts";
import { type LayerSource, type PreparedLayer, type PrepareOptions, prepareLayer } from "./prepared-layer.ts";
import { sweepReplaced } from "./replaced-layers.ts";
import { Settling, settle } from "./settling.ts";
import type { UseLocks } from "./use-locks.ts";

/** Where a layer belongs. */
export interface LayerPlace {
  readonly chainId: Digest;
  /** Chain ID of the layer below; absent for the lowest. */
  readonly parent: Digest | undefined;
}

/** How a layer is made. */
export interface MakeLayerOptions extends PrepareOptions {
  /**
   * Waits while another process makes the layer.
   * @defaultValue nobody is told
   * @example waiter: plainWaiter({ show: ({ words }) => console.log(words) })
   */
  readonly waiter?: Waiter | undefined;
}

/** How a layer is verified. */
export interface VerifyLayerOptions extends MakeLayerOptions {
  /**
   * Puts what its blob makes in the place of a layer that is something else.
   * @defaultValue `false`
   * @example repair: true
   */
  readonly repair?: boolean | undefined;
  /**
   * Waited for when the layer is unpacked again: until the layers below are as they should be.
   * @defaultValue they are
   * @example below: () => Promise.resolve()
   */
  readonly below?: (() => Promise<void>) | undefined;
}

/** What was found of a layer. */
export interface VerifiedLayer {
  readonly chainId: Digest;
  /** Bytes of its files, as it should be. */
  readonly bytes: number;
  /** In what it was not what its blob makes. */
  readonly differences: LayerDifferences;
  /** Whether it is now. */
  readonly repaired: boolean;
}

/** What layers are made with. */
export interface LayerMakerParts {
  readonly files: LayerFiles;
  readonly unpacker: BlobUnpacker;
  readonly locks: UseLocks;
}

/** Makes layers out of blobs: unpacks them side by side, and gives each its place when the one below it has its own. */
export class LayerMaker {
  readonly #files: LayerFiles;
  readonly #unpacker: BlobUnpacker;
  readonly #locks: UseLocks;
  readonly #settling: Settling;
  /** What is being unpacked, or gets its place. */
  readonly #running = new Set<Promise<unknown>>();
  /** What was unpacked before its place in the chain was there. */
  readonly #prepared = new Map<Digest, PreparedLayer>();

  constructor({ files, unpacker, locks }: LayerMakerParts) {
    this.#files = files;
    this.#unpacker = unpacker;
    this.#locks = locks;
    this.#settling = new Settling(files.layout);
  }

  /** See `LayerStore.getReady`. */
  getReady(): void {
    this.#unpacker.getReady?.();
  }

  /** See `LayerStore.prepare`. */
  async prepare(
    source: LayerSource,
    place: LayerPlace,
    options: MakeLayerOptions,
  ): Promise<() => Promise<void>> {
    const prepared = await this.#unpack(source, place, options);
    if (!prepared) return async () => {};
    this.#prepared.set(place.chainId, prepared);
    return async () => {
      if (this.#prepared.get(place.chainId) !== prepared) return; // who has taken it publishes it or discards it
      this.#prepared.delete(place.chainId);
      await prepared.discard();
    };
  }

  /**
   * Makes a layer visible, held for the caller; `undefined` when somebody else has made it meanwhile. Throws as
   * `LayerStore.register` does.
   */
  async make(
    source: LayerSource,
    place: LayerPlace,
    options: MakeLayerOptions,
  ): Promise<LayerRecord | undefined> {
    const prepared = this.#takePrepared(place) ?? (await this.#unpack(source, place, options));
    return (
      prepared && (await this.#track(this.#publish(prepared, place, { source, signal: options.signal })))
    );
  }

  /** See `LayerStore.verify`. */
  async verify(
    source: LayerSource,
    place: LayerPlace,
    { repair = false, below: isBelowGood, ...options }: VerifyLayerOptions,
  ): Promise<VerifiedLayer> {
    const { layout } = this.#files;
    const { chainId } = place;
    const prepared = await this.#unpackAnew(source, place, options);
    let repaired = false;
    try {
      await isBelowGood?.();
      const below = await this.#below(place, prepared.isDependent);
      const complete = await prepared.complete(place, below, { source, signal: options.signal });
      await this.#locks.hold(chainId, options); // nobody removes it meanwhile
      try {
        const { count, examples } = await compareLayer(layout, complete, options);
        if (count === 0) await this.#believe(chainId);
        else if (repair) {
          await prepared.publish(complete);
          this.#settling.add(chainId);
          repaired = true;
        }
        return { chainId, bytes: complete.record.bytes, differences: { count, examples }, repaired };
      } finally {
        await this.#locks.drop(chainId);
      }
    } finally {
      await prepared.discard();
      if (repaired) await sweepReplaced(layout);
    }
  }

  /**
   * Removes what was prepared and not registered, and waits for what is being made, which has failed by now or is as good as done.
   * Throws the classes of `diskError`.
   */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    const prepared = [...this.#prepared.values()];
    this.#prepared.clear();
    for (const one of prepared) await one.discard();
    await this.#settling.close();
  }

  /** `undefined` when the layer is there by the time that it may be made here. */
  async #unpack(
    source: LayerSource,
    place: LayerPlace,
    options: MakeLayerOptions,
  ): Promise<PreparedLayer | undefined> {
    const { chainId } = place;
    const making = await this.#lockMaking(chainId, options);
    let isMade: boolean;
    try {
      isMade = (await this.#files.find(chainId)) !== undefined;
    } catch (error) {
      making();
      throw error;
    }
    if (!isMade) return await this.#prepare(source, { place, making }, options);
    making();
    return undefined;
  }

  /** Whether or not the layer is there: nobody else makes it meanwhile. */
  async #unpackAnew(
    source: LayerSource,
    place: LayerPlace,
    options: MakeLayerOptions,
  ): Promise<PreparedLayer> {
    const making = await this.#lockMaking(place.chainId, options);
    return await this.#prepare(source, { place, making }, options);
  }

  async #lockMaking(chainId: Digest, options: MakeLayerOptions): Promise<Release> {
    return await lockMaking(this.#files.layout, chainId, options.waiter ?? plainWaiter(options));
  }

  async #prepare(
    source: LayerSource,
    { place, making }: { readonly place: LayerPlace; readonly making: Release },
    options: MakeLayerOptions,
  ): Promise<PreparedLayer> {
    const { layout } = this.#files;
    const parts = { layout, unpacker: this.#unpacker, making, hides: place.parent !== undefined };
    const running = prepareLayer(parts, source, options);
    try {
      return await this.#track(running);
    } catch (error) {
      making();
      throw error;
    }
  }

  /** `running`, for which `close` waits. */
  async #track<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** A layer of an earlier start of the machine that has lost nothing may be believed from now on; otherwise it is made again. */
  async #believe(chainId: Digest): Promise<void> {
    if (!(await this.#files.find(chainId))) await settle(this.#files.layout, [chainId]).catch(() => {});
  }

  #takePrepared({ chainId }: LayerPlace): PreparedLayer | undefined {
    const prepared = this.#prepared.get(chainId);
    this.#prepared.delete(chainId);
    return prepared;
  }

  async #publish(
    prepared: PreparedLayer,
    place: LayerPlace,
    how: AbortOptions & { readonly source: LayerSource },
  ): Promise<LayerRecord> {
    const { chainId } = place;
    try {
      const below = await this.#below(place, prepared.isDependent);
      await this.#locks.hold(chainId); // before anybody can see it, and remove it
      try {
        const complete = await prepared.complete(place, below, how);
        await prepared.publish(complete);
        this.#settling.add(chainId);
        return complete.record;
      } catch (error) {
        await this.#locks.drop(chainId);
        throw error;
      }
    } finally {
      await prepared.discard();
    }
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
