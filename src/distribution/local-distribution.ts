import type { Writable } from "node:stream";
import type { EventEmitter } from "eventemitter3";
import type { ExportOptions } from "../archive/export-images.ts";
import type { ImportOptions, ImportSource } from "../archive/import-images.ts";
import { type AbortOptions, abortable } from "../async/abort.ts";
import type { BandwidthLimits } from "../bandwidth/bandwidth.ts";
import type { Store } from "../content/store.ts";
import { ErrFailedPrecondition } from "../errors/classes.ts";
import { imageEvent } from "../images/image-event.ts";
import type { ImageFinder } from "../images/image-finder.ts";
import type { ImageLookup } from "../images/image-lookup.ts";
import type { Image } from "../images/image-store.ts";
import { reachableContent } from "../images/reachable.ts";
import type { ImageEntry } from "../layer/reading/image-entries.ts";
import type { LayerStore } from "../layer/store/layer-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { checkArgument, checkOptions } from "../options/check-options.ts";
import { required } from "../options/rule.ts";
import { aFunction, aPath, aString } from "../options/rules.ts";
import type { Transport } from "../registry/transport/transport.ts";
import type { Artifacts } from "./api/artifacts.ts";
import type { CheckOptions, CheckResult } from "./api/check-result.ts";
import type {
  AssembleImageOptions,
  Distribution,
  ExtractedImage,
  PulledImage,
  PullOptions,
  PullResult,
  PushedImage,
  PushOptions,
  PushResult,
  ReadImageOptions,
  RemovedImage,
  UnpackedImage,
  UnpackImageOptions,
} from "./api/distribution.ts";
import type { DistributionEvents } from "./api/events.ts";
import type { ImagePlan, PlanOptions } from "./api/image-plan.ts";
import type { Looking } from "./api/looking.ts";
import type { Moving } from "./api/moving.ts";
import { type ProgressOptions, waiting } from "./api/operation.ts";
import {
  A_DESCRIPTOR,
  ABORT_OPTIONS,
  ASSEMBLE_OPTIONS,
  BANDWIDTH_LIMITS,
  CHECK_OPTIONS,
  CONCURRENCY_LIMITS,
  EXPORT_OPTIONS,
  EXPORT_REFERENCES,
  IMPORT_OPTIONS,
  IMPORT_SOURCE,
  PLAN_OPTIONS,
  PROGRESS_OPTIONS,
  PRUNE_OPTIONS,
  PULL_OPTIONS,
  PUSH_OPTIONS,
  READ_OPTIONS,
  UNPACK_OPTIONS,
  WRITE_TARGET,
} from "./api/option-rules.ts";
import type { PruneOptions, PruneResult } from "./api/prune-result.ts";
import type { DiskUsage } from "./api/usage.ts";
import { artifacts } from "./artifacts/artifacts.ts";
import { check } from "./check/check.ts";
import type { EngineLayers } from "./layers/open-layers.ts";
import { exportNamed } from "./local/export-named.ts";
import { listImage, type ReadingContext } from "./local/image-files.ts";
import { unpackImage } from "./local/unpack-image.ts";
import { looking } from "./look/looking.ts";
import type { CopyEngine } from "./move/copy.ts";
import { moving } from "./move/moving.ts";
import { countedImages } from "./operations/counted-images.ts";
import type { OpenWork } from "./operations/open-work.ts";
import { statsOf } from "./operations/stats.ts";
import { withinTime } from "./operations/within-time.ts";
import { type PullEngine, pull } from "./pull/pull.ts";
import { type PushEngine, push } from "./push/push.ts";
import type { OwnedRoot } from "./root/owned-root.ts";

/** What a distribution is made of. */
export interface DistributionParts extends PullEngine, PushEngine, CopyEngine {
  /** Names and content, and who may delete what. */
  readonly root: OwnedRoot;
  /** What names and IDs mean here. */
  readonly finder: ImageFinder;
  readonly transport: Transport;
  readonly layers: EngineLayers | undefined;
  readonly work: OpenWork;
}

/** The operations on one data root: each is counted, so that closing can wait, and tells what it did to names. */
export class LocalDistribution implements Distribution {
  readonly content: Store;
  readonly images: ImageLookup;
  readonly events: EventEmitter<DistributionEvents>;
  readonly layers: LayerStore | undefined;
  readonly resolve: Looking["resolve"] = (...given) => this.#looking.resolve(...given);
  readonly inspect: Looking["inspect"] = (...given) => this.#looking.inspect(...given);
  readonly tags: Looking["tags"] = (...given) => this.#looking.tags(...given);
  readonly referrers: Looking["referrers"] = (...given) => this.#looking.referrers(...given);
  readonly delete: Looking["delete"] = (...given) => this.#looking.delete(...given);
  readonly openBlob: Moving["openBlob"] = (...given) => this.#moving.openBlob(...given);
  readonly fetchTo: Moving["fetchTo"] = (...given) => this.#moving.fetchTo(...given);
  readonly copy: Moving["copy"] = (...given) => this.#moving.copy(...given);
  readonly fetchArtifact: Artifacts["fetchArtifact"] = (...given) => this.#artifacts.fetchArtifact(...given);
  readonly pushArtifact: Artifacts["pushArtifact"] = (...given) => this.#artifacts.pushArtifact(...given);
  readonly stats: Distribution["stats"] = () => statsOf(this.#parts);
  readonly #looking: Looking;
  readonly #moving: Moving;
  readonly #artifacts: Artifacts;
  readonly #parts: DistributionParts;

  constructor(parts: DistributionParts) {
    this.#parts = parts;
    this.content = parts.root.publicContent;
    this.images = countedImages(parts.root.images, parts);
    this.events = parts.root.events;
    this.layers = parts.layers?.store;
    this.#looking = looking(parts);
    this.#moving = moving(parts);
    this.#artifacts = artifacts(parts);
  }

  async pull(reference: string, options: PullOptions = {}): Promise<PullResult> {
    checkArgument("pull image", "reference", reference, aString);
    checkOptions("pull image", options, PULL_OPTIONS);
    const onImage = (image: PulledImage): void =>
      void this.events.emit("pull", imageEvent(image, "pull", image.previous));
    return await withinTime(`pull ${reference}`, options, (timed) =>
      this.#using(timed, (own) => pull(this.#parts, reference, own, onImage)),
    );
  }

  async plan(reference: string, options: PlanOptions = {}): Promise<ImagePlan> {
    checkArgument("plan pull", "reference", reference, aString);
    checkOptions("plan pull", options, PLAN_OPTIONS);
    const { plan } = await import("./pull/plan.ts"); // a pull does not need it
    return await withinTime(`plan ${reference}`, options, (timed) =>
      this.#using(timed, (own) => plan(this.#parts, reference, own)),
    );
  }

  async push(reference: string, options: PushOptions = {}): Promise<PushResult> {
    checkArgument("push image", "reference", reference, aString);
    checkOptions("push image", options, PUSH_OPTIONS);
    const onImage = (image: PushedImage): void => void this.events.emit("push", imageEvent(image, "push"));
    return await withinTime(`push ${reference}`, options, (timed) =>
      this.#using(timed, (own) => push(this.#parts, reference, own, onImage)),
    );
  }

  async import(source: ImportSource, options: ImportOptions = {}): Promise<readonly Image[]> {
    checkArgument("import images", "source", source, IMPORT_SOURCE);
    checkOptions("import images", options, IMPORT_OPTIONS);
    return await this.#using(options, async (own) => {
      const { importInto } = await import("./root/import-into.ts");
      return await importInto(this.#parts.root, source, { ...own, verify: this.#parts.verify });
    });
  }

  async export(
    references: string | readonly string[],
    target: string | Writable,
    options: ExportOptions = {},
  ): Promise<void> {
    checkArgument("export image", "references", references, EXPORT_REFERENCES);
    checkArgument("export image", "target", target, WRITE_TARGET);
    checkOptions("export image", options, EXPORT_OPTIONS);
    await this.#using(options, (own) => exportNamed(this.#parts, [references].flat(), { target, ...own }));
  }

  async remove(reference: string, options: ProgressOptions = {}): Promise<RemovedImage> {
    checkArgument("remove image", "reference", reference, aString);
    checkOptions("remove image", options, PROGRESS_OPTIONS);
    const { work, root } = this.#parts;
    return await work.run(options, (own) => root.remove(reference, waiting(own)));
  }

  async tag(source: string, target: string, options: ProgressOptions = {}): Promise<Image> {
    checkArgument("tag image", "source", source, aString);
    checkArgument("tag image", "target", target, aString);
    checkOptions("tag image", options, PROGRESS_OPTIONS);
    const { work, root, finder } = this.#parts;
    return await work.run(options, async (own) => {
      const { name } = await finder.lookUp(source, own);
      return await root.tag(name, target, waiting(own));
    });
  }

  async prune(options: PruneOptions = {}): Promise<PruneResult> {
    checkOptions("prune", options, PRUNE_OPTIONS);
    const { work, root } = this.#parts;
    return await work.run(options, (own) => root.prune(own));
  }

  async check(options: CheckOptions = {}): Promise<CheckResult> {
    checkOptions("check content", options, CHECK_OPTIONS);
    const { root } = this.#parts;
    const context = { engine: this.#parts, layers: root.layers, needs: () => root.needs() };
    return await this.#using(options, (own) => check(context, own));
  }

  async diskUsage(options: AbortOptions = {}): Promise<DiskUsage> {
    checkOptions("measure disk usage", options, ABORT_OPTIONS);
    const { work, root } = this.#parts;
    return await work.run(options, (own) => root.diskUsage(own));
  }

  async withLease<T>(run: (signal: AbortSignal) => Promise<T>, options: AbortOptions = {}): Promise<T> {
    checkArgument("take a lease", "run", run, required(aFunction));
    checkOptions("take a lease", options, ABORT_OPTIONS);
    const { work, root } = this.#parts;
    return await work.run(options, ({ signal }) =>
      // The share lasts as long as the caller's work, whose end is not ours to bring about.
      abortable(work.trackForeign(root.share(async () => await run(signal), { signal })), signal),
    );
  }

  async sizeOf(target: Descriptor, options: AbortOptions = {}): Promise<number> {
    checkArgument("measure image", "target", target, A_DESCRIPTOR);
    checkOptions("measure image", options, ABORT_OPTIONS);
    const { content, work } = this.#parts;
    const reachable = await work.run(options, (own) => reachableContent(content, [target], own));
    return [...reachable.values()].reduce((sum, size) => sum + size, 0);
  }

  async unpack(reference: string, options: UnpackImageOptions = {}): Promise<UnpackedImage> {
    checkArgument("unpack image", "reference", reference, aString);
    checkOptions("unpack image", options, UNPACK_OPTIONS);
    return await this.#using(options, (own) => unpackImage(this.#parts, reference, own));
  }

  async assemble(
    reference: string,
    directory: string,
    options: AssembleImageOptions = {},
  ): Promise<UnpackedImage> {
    const action = "assemble root file system";
    checkArgument(action, "reference", reference, aString);
    checkArgument(action, "directory", directory, aPath);
    checkOptions(action, options, ASSEMBLE_OPTIONS);
    const { layers } = this;
    if (!layers)
      throw new ErrFailedPrecondition(`${action} of ${reference}: the layers are not in this data root`);
    const { sharing, ...unpacking } = options;
    return await this.#using(unpacking, (own) =>
      unpackImage(this.#parts, reference, own, ({ chainIds }) =>
        layers.assemble(chainIds, directory, { sharing, signal: own.signal }),
      ),
    );
  }

  async extract(
    reference: string,
    directory: string,
    options: ReadImageOptions = {},
  ): Promise<ExtractedImage> {
    checkArgument("extract image", "reference", reference, aString);
    checkArgument("extract image", "directory", directory, aPath);
    checkOptions("extract image", options, READ_OPTIONS);
    return await this.#using(options, async (own) => {
      const { extractHere } = await import("./artifacts/extract-here.ts");
      return await extractHere(this.#reading(), reference, directory, own);
    });
  }

  async *list(reference: string, options: ReadImageOptions = {}): AsyncGenerator<ImageEntry> {
    checkArgument("list image", "reference", reference, aString);
    checkOptions("list image", options, READ_OPTIONS);
    yield* await this.#using(options, (own) => listImage(this.#reading(), reference, own));
  }

  setConcurrency(limits: Parameters<Distribution["setConcurrency"]>[0]): void {
    checkOptions("set concurrency", limits, CONCURRENCY_LIMITS);
    const { downloads, uploads } = limits;
    if (downloads !== undefined) this.#parts.downloads.setConcurrency(downloads);
    if (uploads !== undefined) this.#parts.uploads.setConcurrency(uploads);
  }

  setBandwidth(limits: BandwidthLimits): void {
    checkOptions("set bandwidth", limits, BANDWIDTH_LIMITS);
    this.#parts.bandwidth.set(limits);
  }

  abort(reason?: unknown): void {
    this.#parts.work.abort(reason);
  }

  async close(options: AbortOptions = {}): Promise<void> {
    checkOptions("close distribution", options, ABORT_OPTIONS);
    const { work, transport, threads, repositories, layers, root } = this.#parts;
    await work.close(options);
    await repositories.health.close();
    await transport.close();
    await threads.end();
    await layers?.close();
    await root.close(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #reading(): DistributionParts & ReadingContext {
    return { ...this.#parts, rootLayers: this.#parts.root.layers };
  }

  /** Runs an operation that builds on content, which therefore nobody may remove meanwhile. */
  #using<O extends AbortOptions, T>(
    options: O,
    operation: (own: O & { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const { work, root } = this.#parts;
    return work.run(options, (own) => root.share(() => operation(own), { signal: own.signal }));
  }
}
