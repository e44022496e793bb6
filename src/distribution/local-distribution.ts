import type { Writable } from "node:stream";
import type { EventEmitter } from "eventemitter3";
import { type ExportOptions, exportImage } from "../archive/export-image.ts";
import { type ImportOptions, type ImportSource, importImages } from "../archive/import-images.ts";
import type { AbortOptions } from "../async/abort.ts";
import type { Store } from "../content/store.ts";
import type { Image, ImageEvents, ImageStore } from "../images/image-store.ts";
import { reachableContent } from "../images/reachable.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { checkArgument, checkOptions } from "../options/check-options.ts";
import { aString } from "../options/rules.ts";
import type { Transport } from "../registry/transport/transport.ts";
import type {
  Distribution,
  PulledImage,
  PullOptions,
  PullResult,
  PushedImage,
  PushOptions,
  PushResult,
  RemovedImage,
} from "./distribution.ts";
import type { OpenWork } from "./open-work.ts";
import {
  A_DESCRIPTOR,
  ABORT_OPTIONS,
  CONCURRENCY_LIMITS,
  EXPORT_OPTIONS,
  EXPORT_TARGET,
  IMPORT_OPTIONS,
  IMPORT_SOURCE,
  PULL_OPTIONS,
  PUSH_OPTIONS,
} from "./option-rules.ts";
import { type PullEngine, pull } from "./pull.ts";
import { type PushEngine, push } from "./push.ts";
import { removeImage } from "./remove-image.ts";
import type { RootLease } from "./root-lease.ts";

/** What a distribution is made of. */
export interface DistributionParts extends PullEngine, PushEngine {
  readonly content: Store;
  /** Closes the content store, unless it is the caller's. */
  readonly closeContent: () => Promise<void>;
  readonly images: ImageStore & { readonly events: EventEmitter<ImageEvents> };
  readonly transport: Transport;
  readonly lease: RootLease;
  readonly work: OpenWork;
}

/** The operations on one data root: each is counted, so that closing can wait, and tells what it did to names. */
export class LocalDistribution implements Distribution {
  readonly content: Store;
  readonly images: ImageStore;
  readonly events: EventEmitter<ImageEvents>;
  readonly #parts: DistributionParts;

  constructor(parts: DistributionParts) {
    this.#parts = parts;
    this.content = parts.content;
    this.images = parts.images;
    this.events = parts.images.events;
  }

  async pull(reference: string, options: PullOptions = {}): Promise<PullResult> {
    checkArgument("pull image", "reference", reference, aString);
    checkOptions("pull image", options, PULL_OPTIONS);
    const onImage = ({ name, target }: PulledImage): void =>
      void this.events.emit("pull", { name, digest: target.digest });
    return await this.#using(() => pull(this.#parts, reference, options, onImage), options);
  }

  async push(reference: string, options: PushOptions = {}): Promise<PushResult> {
    checkArgument("push image", "reference", reference, aString);
    checkOptions("push image", options, PUSH_OPTIONS);
    const onImage = ({ name, target }: PushedImage): void =>
      void this.events.emit("push", { name, digest: target.digest });
    return await this.#using(() => push(this.#parts, reference, options, onImage), options);
  }

  async import(source: ImportSource, options: ImportOptions = {}): Promise<readonly Image[]> {
    checkArgument("import images", "source", source, IMPORT_SOURCE);
    checkOptions("import images", options, IMPORT_OPTIONS);
    const { content, images } = this.#parts;
    return await this.#using(() => importImages(source, { content, images, ...options }), options);
  }

  async export(reference: string, target: string | Writable, options: ExportOptions = {}): Promise<void> {
    checkArgument("export image", "reference", reference, aString);
    checkArgument("export image", "target", target, EXPORT_TARGET);
    checkOptions("export image", options, EXPORT_OPTIONS);
    const { content, images } = this.#parts;
    await this.#using(() => exportImage(reference, target, { content, images, ...options }), options);
  }

  async remove(reference: string, options: AbortOptions = {}): Promise<RemovedImage> {
    checkArgument("remove image", "reference", reference, aString);
    checkOptions("remove image", options, ABORT_OPTIONS);
    const removed = await this.#parts.work.run(() => removeImage(this.#parts, reference, options));
    for (const digest of removed.deleted) this.events.emit("delete", { name: removed.untagged.name, digest });
    return removed;
  }

  async sizeOf(target: Descriptor, options: AbortOptions = {}): Promise<number> {
    checkArgument("measure image", "target", target, A_DESCRIPTOR);
    checkOptions("measure image", options, ABORT_OPTIONS);
    const { content, work } = this.#parts;
    const reachable = await work.run(() => reachableContent(content, [target], options));
    return [...reachable.values()].reduce((sum, size) => sum + size, 0);
  }

  setConcurrency(limits: Parameters<Distribution["setConcurrency"]>[0]): void {
    checkOptions("set concurrency", limits, CONCURRENCY_LIMITS);
    const { downloads, uploads } = limits;
    if (downloads !== undefined) this.#parts.downloads.setConcurrency(downloads);
    if (uploads !== undefined) this.#parts.uploads.setConcurrency(uploads);
  }

  async close(): Promise<void> {
    const { work, transport, closeContent } = this.#parts;
    await work.close();
    await transport.close();
    await closeContent();
    this.events.removeAllListeners();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Runs an operation that builds on content, which therefore nobody may remove meanwhile. */
  #using<T>(operation: () => Promise<T>, options: AbortOptions): Promise<T> {
    const { work, lease } = this.#parts;
    return work.run(() => lease.share(operation, options));
  }
}
