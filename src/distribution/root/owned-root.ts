import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { EventEmitter } from "eventemitter3";
import type { AbortOptions } from "../../async/abort.ts";
import type { WaitOptions } from "../../async/waiting.ts";
import { checkedView } from "../../content/checked-store.ts";
import { openTrustedStore } from "../../content/local/local-store.ts";
import { claimingStore } from "../../content/ownership/claiming-store.ts";
import { ContentOwner } from "../../content/ownership/content-owner.ts";
import { blobsOf, isCollected, isOwned } from "../../content/ownership/owned-store.ts";
import type { SweptContent } from "../../content/ownership/sweeper.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { DiskReserve } from "../../disk/disk-reserve.ts";
import { GivenNames } from "../../images/given-names.ts";
import { GuardedEvents } from "../../images/guarded-events.ts";
import type { Image, ImageEvents, ImageStore } from "../../images/image-store.ts";
import { LayoutImageStore } from "../../images/layout-image-store.ts";
import type { NameStore } from "../../images/name-store.ts";
import type { RemovedImage } from "../api/distribution.ts";
import type { DistributionEvents } from "../api/events.ts";
import type { Logger } from "../api/logger.ts";
import { waiting } from "../api/operation.ts";
import type { PruneOptions, PruneResult } from "../api/prune-result.ts";
import type { DiskUsage } from "../api/usage.ts";
import { IllnessFiles } from "../health/illness-file.ts";
import { RootLayers } from "../layers/image-layers.ts";
import { MountSourceStore } from "../mounts/mount-source-store.ts";
import { CausesOfDeletion } from "./causes-of-deletion.ts";
import { diskUsage, usageOf } from "./disk-usage.ts";
import { namingImages, ownedImages, readingImages, tagImage } from "./owned-images.ts";
import { type Hints, prune } from "./prune.ts";
import { removeImage } from "./remove-image.ts";
import { V1LayerStore } from "./v1-layer-store.ts";

/** What a root is opened with. */
export interface OwnedRootOptions {
  readonly root: string;
  /** Permissions of a root that is made. */
  readonly mode?: number | undefined;
  /** Where blobs go instead of the root; stays the caller's to close. */
  readonly content?: Store | undefined;
  /** Where names go instead of the root. */
  readonly images?: ImageStore | undefined;
  /** Only reads, and makes nothing. */
  readonly readOnly?: boolean | undefined;
  /** Tells what others do to the names. */
  readonly watch?: boolean | undefined;
  readonly logger: Logger;
}

interface OwnedRootParts {
  readonly readOnly: boolean;
  readonly content: Store;
  readonly publicContent: Store;
  readonly closeContent: () => Promise<void>;
  readonly owner: ContentOwner;
  readonly names: NameStore;
  readonly closeNames: () => Promise<void>;
  readonly events: EventEmitter<DistributionEvents>;
  readonly causes: CausesOfDeletion;
  readonly mountSources: MountSourceStore;
  readonly v1Layers: V1LayerStore;
  readonly illnesses: IllnessFiles;
  readonly reserve: DiskReserve;
  readonly logger: Logger;
}

/** What the names of a root tell, which all listeners of the engine hear. Of content its owner tells. */
const IMAGE_EVENTS = ["pull", "push", "tag", "untag"] as const satisfies (keyof ImageEvents)[];

/**
 * The names and the content of one data root, and who may delete what: everything that makes a name, takes
 * one away or frees content goes through here.
 */
export class OwnedRoot {
  readonly content: Store;
  /** The same for the public: what its methods are called with is looked at. */
  readonly publicContent: Store;
  /** The names for the public: content that is not here gets none. */
  readonly images: ImageStore;
  /** The names for work that holds a share, and has brought the content. */
  readonly naming: ImageStore;
  readonly mountSources: MountSourceStore;
  readonly v1Layers: V1LayerStore;
  /** Layers of images, made by whomever. */
  readonly layers: RootLayers;
  readonly #parts: OwnedRootParts;
  readonly #stopListening: () => void;
  /** Hints about deleted content, and layers of deleted images, that are being removed. */
  readonly #forgetting = new Set<Promise<void>>();
  /** Until the reserve is held; whoever gives it up, or ends, waits for that. */
  #reserving: Promise<void> = Promise.resolve();

  private constructor(parts: OwnedRootParts) {
    this.#parts = parts;
    this.content = parts.content;
    this.publicContent = parts.publicContent;
    this.mountSources = parts.mountSources;
    this.v1Layers = parts.v1Layers;
    const { content, owner, names: images } = parts;
    const onHintLost = (err: unknown): void =>
      parts.logger.warn({ err }, "what content needs was not written on it");
    const own = ownedImages({ images, content, owner, onHintLost });
    this.images = parts.readOnly ? readingImages(own) : own;
    this.naming = namingImages({ images, content, owner, onHintLost });
    this.layers = new RootLayers(owner.root, owner, parts);
    this.#stopListening = owner.onSwept((deleted) => this.#tell(deleted));
  }

  /** Opens a root; the caller closes it. Throws what `openDistribution` throws. */
  static async open({ readOnly = false, ...options }: OwnedRootOptions): Promise<OwnedRoot> {
    const { root, mode, content: given, images, logger } = options;
    const store = given ?? (await openTrustedStore({ root, mode, readOnly, logger }));
    const owner = ownerFor(store, { root: resolve(root), logger });
    const content = isCollected(store) || owns(owner, store) ? store : claimingStore(store, owner);
    const onListenerFailure = (err: unknown): void => logger.warn({ err }, "a listener of events failed");
    const events = new GuardedEvents<DistributionEvents>(onListenerFailure);
    const ofRoot = await LayoutImageStore.open(root, {
      mode,
      onMove: ({ name, target }) => owner.remember({ digest: target.digest, kind: "graph", name }),
      onListenerFailure,
      readOnly,
    });
    const names = images ? new GivenNames(images, onListenerFailure) : ofRoot;
    const causes = new CausesOfDeletion();
    for (const event of IMAGE_EVENTS) {
      names.events.on(event, (image) => {
        causes.note(image);
        events.emit(event, image);
      });
    }
    const opened = new OwnedRoot({
      readOnly,
      content,
      publicContent: given ? content : checkedView(content),
      closeContent: async () => {
        if (!given && isOwned(store) && "close" in store) await (store as { close(): Promise<void> }).close();
      },
      owner,
      names,
      closeNames: () => ofRoot.close(),
      events,
      causes,
      mountSources: new MountSourceStore(root, { readOnly }),
      v1Layers: new V1LayerStore(root),
      illnesses: new IllnessFiles(root),
      reserve: new DiskReserve(join(root, "locks", "reserve")),
      logger,
    });
    if (options.watch) await ofRoot.watch((err, message) => logger.warn({ err, root }, message));
    void opened.#holdReserve(); // the first work does not wait for it
    return opened;
  }

  /** What happens to names and on the way to registries. A listener that throws fails nothing. */
  get events(): EventEmitter<DistributionEvents> {
    return this.#parts.events;
  }

  /** Runs work that builds on content, which nobody removes meanwhile. */
  async share<T>(work: () => Promise<T>, options?: AbortOptions): Promise<T> {
    const result = await this.#parts.owner.share(work, options);
    await this.#holdReserve();
    return result;
  }

  /** Gives what `source` names the name `target` as well. */
  async tag(source: string, target: string, options: WaitOptions): Promise<Image> {
    const { owner } = this.#parts;
    return await tagImage({ images: this.images, owner }, { source, target }, options);
  }

  /** Takes a name away, and the content that only it needed; also on a full disk. */
  async remove(reference: string, options: WaitOptions): Promise<RemovedImage> {
    const { owner, names: images } = this.#parts;
    const spend = <T>(step: () => Promise<T>): Promise<T> => this.#spend(step);
    const removed = await removeImage({ images, owner, spend }, reference, options);
    await this.#forgotten();
    await this.#holdReserve();
    return removed;
  }

  /** Whether a name or a namespace needs content, as things are now. */
  needs(): Promise<(digest: Digest) => Promise<boolean>> {
    return this.#parts.owner.needs();
  }

  /** Removes what nobody needs. */
  async prune(options: PruneOptions): Promise<PruneResult> {
    const { content, owner, mountSources, v1Layers, illnesses, names, causes } = this.#parts;
    using _ = options.dryRun ? undefined : causes.pruning();
    const isMentioned = await owner.mentions();
    // Of layers that are here only unpacked it is of use to know who has their blobs.
    const sources: Hints = {
      prune: (isHere) => mountSources.prune(async (digest) => isMentioned(digest) || (await isHere(digest))),
    };
    const hints = [sources, v1Layers, illnesses];
    const pruned = await this.#spend(() => prune({ content, owner, hints }, options));
    await this.#forgotten();
    const layers = await this.layers.sweep(options);
    const result: PruneResult = {
      ...pruned,
      layers: layers.map(({ chainId }) => chainId),
      reclaimedBytes: layers.reduce((sum, { bytes }) => sum + bytes, pruned.reclaimedBytes),
    };
    if (!options.dryRun) await names.sweep(waiting(options));
    return result;
  }

  /** Where the bytes are. */
  async diskUsage(options: AbortOptions): Promise<DiskUsage> {
    const { content, names: images, owner } = this.#parts;
    const { all, unused } = await this.layers.list(options);
    return {
      ...(await diskUsage({ content, images, owner }, options)),
      layers: usageOf(all.map(({ bytes }) => bytes)),
      unusedLayers: usageOf(unused.map(({ bytes }) => bytes)),
      incompleteLayers: usageOf(all.filter(({ missing }) => missing.length > 0).map(({ bytes }) => bytes)),
    };
  }

  /** Remembers content that work brought and that will get no name, because the work failed. */
  async abandon(digests: Iterable<SweptContent["digest"]>): Promise<void> {
    for (const digest of digests) await this.#parts.owner.remember({ digest, kind: "blob", name: "" });
  }

  /** Closes the store, unless it is the caller's. When the signal fires, nothing more is removed first. */
  async close(options: AbortOptions): Promise<void> {
    await this.#parts.owner.settle(options);
    this.#stopListening();
    await this.#forgotten();
    await this.#reserving;
    await this.#parts.closeNames();
    await this.#parts.closeContent();
    this.#parts.names.events.removeAllListeners();
    this.events.removeAllListeners();
  }

  #tell(deleted: readonly SweptContent[]): void {
    for (const { digest, name } of deleted) {
      this.events.emit("delete", { name, digest, cause: this.#parts.causes.of(name) });
    }
    if (deleted.length === 0) return;
    this.#track(this.#forget(deleted));
    this.#track(this.#sweepLayers());
  }

  /** Work that follows a deletion, and that whoever deletes waits for. */
  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#forgetting.delete(tracked));
    this.#forgetting.add(tracked);
  }

  async #sweepLayers(): Promise<void> {
    try {
      await this.layers.sweep({});
    } catch (err) {
      this.#parts.logger.warn({ err }, "layers that no image needs cannot be removed");
    }
  }

  /** Where layers come from that a name has unpacked is told by nothing else. */
  async #forget(deleted: readonly SweptContent[]): Promise<void> {
    try {
      const isMentioned = await this.#parts.owner.mentions();
      for (const { digest } of deleted) if (!isMentioned(digest)) await this.mountSources.forget(digest);
    } catch (err) {
      this.#parts.logger.warn({ err }, "mount sources cannot be forgotten");
    }
  }

  /** Resolves when nothing is left of the hints about content that is gone. */
  async #forgotten(): Promise<void> {
    await Promise.all(this.#forgetting);
  }

  /** One time after the other. Never rejects. */
  #holdReserve(): Promise<void> {
    this.#reserving = this.#holdReserveAfter(this.#reserving);
    return this.#reserving;
  }

  async #holdReserveAfter(before: Promise<void>): Promise<void> {
    await before;
    if (this.#parts.readOnly) return;
    const index = await stat(join(this.#parts.owner.root, "index.json")).catch(() => undefined);
    await this.#parts.reserve.hold(index?.size ?? 0);
  }

  /** Runs work that frees space; when it finds the disk full, with the reserve given up. */
  async #spend<T>(work: () => Promise<T>): Promise<T> {
    await this.#reserving;
    return await this.#parts.reserve.spend(work);
  }
}

/** Whether a store asks this owner by itself. */
function owns(owner: ContentOwner, store: Store): boolean {
  return isOwned(store) && store.owner === owner;
}

/** The store's own owner where it is that of the root; otherwise one that knows the names of the root. */
function ownerFor(content: Store, { root, logger }: { root: string; logger: Logger }): ContentOwner {
  if (isOwned(content) && content.owner.root === root) return content.owner;
  const blobs = blobsOf(content);
  if (!isCollected(content)) return new ContentOwner({ root, blobs, logger });
  const kept = { ...blobs, has: async () => false, discard: async () => false };
  return new ContentOwner({ root, blobs: kept, hold: content.hold?.bind(content), logger });
}
