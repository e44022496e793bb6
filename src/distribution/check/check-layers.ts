import { forEachWithin } from "../../async/for-each-within.ts";
import { exists } from "../../content/exists.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import type { Image } from "../../images/image-store.ts";
import { visibleDamage } from "../../layer/store/compare-layer.ts";
import { LayerFiles } from "../../layer/store/layer-files.ts";
import { readLayerRecord } from "../../layer/store/layer-record.ts";
import type { LayerStore } from "../../layer/store/layer-store.ts";
import { LayerUses } from "../../layer/store/layer-uses.ts";
import { openLayerStore } from "../../layer/store/open-layer-store.ts";
import { defaultWorkers } from "../../layer/workers/unpack-pool.ts";
import { update } from "../../progress/progress.ts";
import type { CheckedLayers, DamagedLayer, UnverifiedLayer } from "../api/check-result.ts";
import { type Operation, waiterOf } from "../api/operation.ts";
import { imageUser, type RootLayers } from "../layers/image-layers.ts";
import { openBlob } from "../pull/blob-download.ts";
import type { PullEngine } from "../pull/pull.ts";
import { type KnownLayer, KnownLayers } from "./known-layers.ts";
import type { Repairs } from "./repairs.ts";

/** What layers are checked with. */
export interface CheckLayersParts {
  readonly engine: PullEngine;
  readonly layers: RootLayers;
  readonly images: readonly Image[];
  /** Fetches blobs, if anything is repaired at all. */
  readonly repairs: Repairs;
  readonly repair: boolean;
  readonly operation: Operation;
}

/**
 * Compares all layers with what their blobs make, several at once, each when those below it are done, and heals those that differ:
 * out of the content here, and only a layer that cannot be used and has no blob here lets one be fetched. Content was checked before.
 * Throws the abort error, and the classes of `diskError` for what is not about one layer.
 */
export async function checkLayers(parts: CheckLayersParts): Promise<CheckedLayers> {
  const files = new LayerFiles(parts.layers.root);
  const known = await knownLayers(files, parts);
  await using store = await openLayerStore({ root: parts.layers.root });
  const check = new LayerCheck({ ...parts, files, store });
  await forEachWithin(known.lowestFirst(), (layer) => check.look(layer), {
    limit: defaultWorkers(), // more of them would only wait for threads, each with its layer unpacked on the disk
    signal: parts.operation.signal,
  });
  await check.lookAtUnknown(known);
  return await check.result(known);
}

async function knownLayers(
  files: LayerFiles,
  { engine: { content }, images, operation }: CheckLayersParts,
): Promise<KnownLayers> {
  const known = new KnownLayers();
  const users = new Set((await new LayerUses(files.layout).list()).map(({ user }) => user));
  const isUnpacked = (config: Digest): boolean => users.has(imageUser(config));
  for (const image of images) await known.addImage(image, { content, isUnpacked }, operation);
  for (const chainId of await files.layout.chainIds()) {
    const record = await readLayerRecord(files.layout.recordPath(files.layout.layerPath(chainId)), chainId);
    if (record) known.addRecord(record);
  }
  return known;
}

type FoundDamage = Omit<DamagedLayer, "needed">;

/** One pass over the layers of a root. */
class LayerCheck {
  readonly #parts: CheckLayersParts & { readonly files: LayerFiles; readonly store: LayerStore };
  readonly #looked = new Map<Digest, Promise<void>>();
  readonly #damage: FoundDamage[] = [];
  readonly #unverified: UnverifiedLayer[] = [];
  #count = 0;
  #bytes = 0;

  constructor(parts: CheckLayersParts & { readonly files: LayerFiles; readonly store: LayerStore }) {
    this.#parts = parts;
  }

  /** Looks at one layer, beside others: those below it began before, and it is compared when they have been looked at. */
  async look(layer: KnownLayer): Promise<void> {
    const looking = this.#look(layer);
    this.#looked.set(layer.chainId, looking);
    await looking;
  }

  async #look(layer: KnownLayer): Promise<void> {
    const { files, operation } = this.#parts;
    const { chainId } = layer;
    const visible = await visibleDamage(files.layout, chainId);
    const images = [...layer.images].toSorted();
    try {
      const { differences, repaired } = await this.#verify(layer, visible !== undefined);
      const problem = visible === "missing" ? "missing" : "damaged";
      if (differences.count > 0) this.#damage.push({ chainId, problem, differences, images, repaired });
    } catch (error) {
      if (operation.signal?.aborted) throw error;
      if (visible === undefined) this.#unverified.push({ chainId, images, error });
      else this.#damage.push({ ...damageOf(chainId, visible), images, error });
    }
  }

  /** What lies in the place of a layer without a record, and no image speaks of it, cannot be made again. */
  async lookAtUnknown(known: KnownLayers): Promise<void> {
    const { layout } = this.#parts.files;
    for (const chainId of await layout.chainIds()) {
      if (known.get(chainId)) continue;
      const visible = await visibleDamage(layout, chainId);
      if (visible !== undefined) this.#damage.push({ ...damageOf(chainId, visible), images: [] });
    }
  }

  /** Layers that were removed meanwhile, because nobody needs them any more, are no damage. */
  async result(known: KnownLayers): Promise<CheckedLayers> {
    const { files, layers } = this.#parts;
    const isUsed = await layers.isUsed();
    const needed = new Set<Digest>();
    for (const use of await new LayerUses(files.layout).list()) {
      if (await isUsed(use)) for (const chainId of known.chainOf(use.chainId)) needed.add(chainId);
    }
    const places = new Map(known.lowestFirst().map(({ chainId }, place) => [chainId, place]));
    const inOrder = <T extends { readonly chainId: Digest }>(found: readonly T[]): readonly T[] =>
      found.toSorted(
        (a, b) => (places.get(a.chainId) ?? places.size) - (places.get(b.chainId) ?? places.size),
      );
    const damage = inOrder(this.#damage)
      .map((found): DamagedLayer => ({ ...found, needed: needed.has(found.chainId) }))
      .filter(({ problem, needed: isNeeded }) => isNeeded || problem !== "missing");
    return {
      checked: { count: this.#count, bytes: this.#bytes },
      damage,
      unverified: inOrder(this.#unverified),
    };
  }

  async #verify(layer: KnownLayer, isUnusable: boolean): ReturnType<LayerStore["verify"]> {
    const { engine, store, repair, operation } = this.#parts;
    const { chainId, parent, diffId } = layer;
    const blob = await this.#blobOf(layer, isUnusable);
    await using bytes = await openBlob(engine.content, blob, operation);
    const { path } = bytes;
    const source = { diffId, digest: blob.digest, blob: path === undefined ? { bytes } : { path } };
    const waiter = waiterOf(operation, "layers");
    const verified = await store.verify(
      source,
      { chainId, parent },
      {
        repair,
        below: async () => await (parent && this.#looked.get(parent)),
        signal: operation.signal,
        waiter,
      },
    );
    this.#count++;
    this.#bytes += verified.bytes;
    operation.onProgress(update("layers", "Verifying", this.#bytes, 0));
    return verified;
  }

  /** The blob, which is fetched when the layer cannot be used without it. Throws `ErrNotFound` when it is not here after all. */
  async #blobOf({ blob, images }: KnownLayer, isUnusable: boolean): Promise<NonNullable<KnownLayer["blob"]>> {
    const { engine, repairs, operation } = this.#parts;
    if (!blob) throw new ErrNotFound("verify layer: nothing says which blob it was unpacked from");
    const { digest, mediaType, size } = blob;
    if (await exists(engine.content, { digest, size }, operation)) return blob;
    const descriptor =
      mediaType !== undefined && size !== undefined ? { digest, mediaType, size } : undefined;
    const [name] = images;
    if (isUnusable && descriptor && (await repairs.now({ digest, descriptor, name }))) return blob;
    throw new ErrNotFound(`verify layer: its blob ${digest} is not here`, {
      digest,
      cause: repairs.outcomeOf(digest)?.error,
    });
  }
}

function damageOf(chainId: Digest, visible: string): Omit<FoundDamage, "images"> {
  const problem = visible === "missing" ? "missing" : "damaged";
  return { chainId, problem, differences: { count: 1, examples: [visible] }, repaired: false };
}
