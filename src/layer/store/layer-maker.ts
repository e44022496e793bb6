import { plainWaiter, type Waiter } from "../../async/waiting.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import type { LayerFiles } from "./layer-files.ts";
import type { LayerRecord } from "./layer-record.ts";
import { lockMaking } from "./making.ts";
import { type LayerSource, type PreparedLayer, type PrepareOptions, prepareLayer } from "./prepared-layer.ts";
import { Settling } from "./settling.ts";
import type { Unpacker } from "./unpacker.ts";
import type { UseLocks } from "./use-locks.ts";

/** Where a layer belongs. */
export interface LayerPlace {
  readonly chainId: Digest;
  /** Chain ID of the layer below; absent for the lowest. */
  readonly parent: Digest | undefined;
}

/** How a layer is made. */
export interface MakeLayerOptions extends PrepareOptions {
  /** Waits while another process makes the layer. Default: nobody is told. */
  readonly waiter?: Waiter | undefined;
}

/** What layers are made with. */
export interface LayerMakerParts {
  readonly files: LayerFiles;
  readonly unpacker: Unpacker;
  readonly locks: UseLocks;
}

/** Makes layers out of blobs: unpacks them side by side, and gives each its place when the one below it has its own. */
export class LayerMaker {
  readonly #files: LayerFiles;
  readonly #unpacker: Unpacker;
  readonly #locks: UseLocks;
  readonly #settling: Settling;
  /** What was unpacked before its place in the chain was there. */
  readonly #prepared = new Map<Digest, PreparedLayer>();

  constructor({ files, unpacker, locks }: LayerMakerParts) {
    this.#files = files;
    this.#unpacker = unpacker;
    this.#locks = locks;
    this.#settling = new Settling(files.layout);
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
      if (this.#prepared.get(place.chainId) === prepared) this.#prepared.delete(place.chainId);
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
    return prepared && (await this.#publish(prepared, place));
  }

  /** Removes what was prepared and not registered. Throws the classes of `diskError`. */
  async close(): Promise<void> {
    const prepared = [...this.#prepared.values()];
    this.#prepared.clear();
    for (const one of prepared) await one.discard();
    await this.#settling.close();
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

  async #publish(prepared: PreparedLayer, place: LayerPlace): Promise<LayerRecord> {
    const { chainId } = place;
    try {
      const below = await this.#below(place, prepared.isDependent);
      await this.#locks.hold(chainId); // before anybody can see it, and remove it
      try {
        const complete = await prepared.complete(place, below);
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
