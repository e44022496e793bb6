import type { Writable } from "node:stream";
import type { EventEmitter } from "eventemitter3";
import type { ExportOptions } from "../../archive/export-images.ts";
import type { ImportOptions, ImportSource } from "../../archive/import-images.ts";
import type { AbortOptions } from "../../async/abort.ts";
import type { BandwidthLimits } from "../../bandwidth/bandwidth.ts";
import type { LiveBandwidth } from "../../bandwidth/live-bandwidth.ts";
import type { BandwidthLimit } from "../../bandwidth/timetable.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import type { ImageLookup } from "../../images/image-lookup.ts";
import type { Image } from "../../images/image-store.ts";
import type { ImageEntry } from "../../layer/reading/image-entries.ts";
import type { Sharing } from "../../layer/rootfs/assemble.ts";
import type { LayerStore } from "../../layer/store/layer-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ProgressSink, StepSink } from "../../progress/progress.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";
import type { LivePriority, Priority } from "../../xfer/live-priority.ts";
import type { Artifacts } from "./artifacts.ts";
import type { CheckOptions, CheckResult } from "./check-result.ts";
import type { DistributionEvents } from "./events.ts";
import type { ImagePlan, PlanOptions } from "./image-plan.ts";
import type { Looking } from "./looking.ts";
import type { ServedContent, TakenContent } from "./moved-content.ts";
import type { Moving } from "./moving.ts";
import type { ProgressOptions } from "./operation.ts";
import type { PassedEndpoint } from "./passed-endpoint.ts";
import type { PruneOptions, PruneResult } from "./prune-result.ts";
import type { Seeing } from "./seeing.ts";
import type { DiskUsage } from "./usage.ts";
import type { VerifyImage } from "./verify.ts";

/** What a pull may be told. */
export interface PullOptions extends AbortOptions {
  /**
   * `os/arch[/variant]` of the image wanted out of an index.
   * @defaultValue Linux on this machine's architecture, and what the machine itself runs where there is none
   * @example platform: "linux/arm64"
   */
  readonly platform?: string | undefined;
  /**
   * Take every image of an index. Not together with `platform`.
   * @defaultValue `false`
   * @avoid where one machine runs the image: every other platform takes as much room again
   * @example allPlatforms: true
   */
  readonly allPlatforms?: boolean | undefined;
  /**
   * Pull every tag of the repository; the reference then has neither tag nor digest.
   * @defaultValue `false`
   * @avoid for repositories of strangers, which may have thousands of tags
   * @example allTags: true
   */
  readonly allTags?: boolean | undefined;
  /**
   * Credentials for the reference's own registry, in place of the configured ones. Never sent to a mirror.
   * @defaultValue the `credentials` of the engine
   * @example auth: { username: "jane", password: "correct horse" }
   */
  readonly auth?: Credentials | undefined;
  /**
   * Sent with every registry request of this pull; names start with `X-Meta-`.
   * @defaultValue none
   * @example metaHeaders: { "X-Meta-Tenant": "7" }
   */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /**
   * Longest time for all of it, waits included, in milliseconds; then the pull rejects with `ErrDeadlineExceeded`, and what has
   * come stays for the next one.
   * @defaultValue as long as bytes come
   * @avoid where images are large: a slow line is no failure, and one that stands still ends by `connection.bodyIdleTimeoutMs`
   * @example timeoutMs: 600_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Higher goes first among downloads that wait for a slot; a `LivePriority` can be changed meanwhile. `prefetch` is for what
   * nobody waits for yet: its layers move only while no other pull or push of this engine wants anything, stand still at once
   * when one does, and go on where they were. A layer that somebody else wants as well is a prefetch no longer.
   * @unit none, any finite number
   * @defaultValue 0
   * @example priority: 10
   * @example priority: "prefetch"
   */
  readonly priority?: Priority | LivePriority | undefined;
  /**
   * For whom it is pulled, where an engine serves several: among downloads of equal priority that wait, those of one group get as
   * many slots together as those of another one, however many pulls it has.
   * @defaultValue a group of its own
   * @avoid where one tenant uses the engine
   * @example group: "tenant-7"
   */
  readonly group?: string | undefined;
  /**
   * How fast the blobs of this pull may come, beside what `DistributionOptions.bandwidth` allows; a `LiveBandwidth` can be
   * changed meanwhile. What other pulls want as well comes as fast as the one among them may have it that may have it fastest.
   * @unit bytes per second
   * @defaultValue no limit of its own
   * @example bandwidth: "10M"
   * @example bandwidth: new LiveBandwidth("512k")
   */
  readonly bandwidth?: BandwidthLimit | LiveBandwidth | undefined;
  /**
   * Whether the layers are unpacked, where the engine has layers at all (`DistributionOptions.layers`).
   * @defaultValue `true`
   * @example unpack: false
   */
  readonly unpack?: boolean | undefined;
  /**
   * Whether the blobs of layers stay when these are unpacked. Without them the image takes half the room, and can do everything
   * except be exported, and be pushed to a registry that has no blob of it. Others that need a blob keep it. Needs
   * `DistributionOptions.layers: true`.
   * @defaultValue `true`
   * @avoid where images are exported, pushed elsewhere, or given to another engine
   * @example keepBlobs: false
   */
  readonly keepBlobs?: boolean | undefined;
  /**
   * Asked, before the first byte of a layer, whether the image may come, beside the hook of the engine: see `DistributionOptions.verify`.
   * @defaultValue nobody is asked
   * @example verify: ({ target }) => target.size < 1_000_000
   */
  readonly verify?: VerifyImage | undefined;
  /**
   * Progress, as data and in docker's words: first a plan of what comes, then steps of each content, and summaries.
   * @defaultValue nobody is told
   * @example onProgress: (progress) => console.log(progress.kind)
   */
  readonly onProgress?: ProgressSink | undefined;
}

/** One name that a pull brought. */
export interface PulledImage {
  /** The full name: `docker.io/library/redis:7`. */
  readonly name: string;
  /** What the name now points at: an index stays an index. */
  readonly target: Descriptor;
  /** What the name pointed at before; absent for a new one. */
  readonly previous: Descriptor | undefined;
  /** Whether the name is new or points elsewhere than before. */
  readonly updated: boolean;
  /** Whether there is an image in it that a container could run, or only something else that registries carry. */
  readonly kind: "image" | "artifact";
  /**
   * What a user should know: that the image is of another platform than the one wanted, as docker words it, or what of its layers could
   * not be made here.
   */
  readonly warnings: readonly string[];
  /** Origin of the endpoint that served it. */
  readonly endpoint: string;
}

/** What a pull brought. */
export interface PullResult {
  /** The reference in full form. */
  readonly reference: string;
  /** Digest of the (last) image's target. */
  readonly digest: Digest;
  /** One image, or one per tag with `allTags`. */
  readonly images: readonly PulledImage[];
  /** Origin of the endpoint that served the (last) image. */
  readonly endpoint: string;
  /** The endpoints that were asked before and could not serve, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
  /**
   * Which endpoint brought what, also through a transfer that another pull began: an entry for each content and endpoint. Of what
   * was here, or came by another process, there is none; a content that a second endpoint went on with has two.
   */
  readonly served: readonly ServedContent[];
}

/** What unpacking an image may be told. */
export interface UnpackImageOptions extends AbortOptions {
  /**
   * `os/arch[/variant]` of the image wanted out of an index.
   * @defaultValue as for a pull
   * @example platform: "linux/amd64"
   */
  readonly platform?: string | undefined;
  /**
   * Progress in docker's words.
   * @defaultValue nobody is told
   * @example onProgress: ({ kind, id }) => console.log(kind, id)
   */
  readonly onProgress?: StepSink | undefined;
}

/** What assembling a root file system may be told. */
export interface AssembleImageOptions extends UnpackImageOptions {
  /**
   * What the files share with the layers: `reflink` their blocks until one is changed, `hardlink` everything, so that nobody may
   * change them, `copy` nothing.
   * @defaultValue `reflink` where the file systems can do that, otherwise `copy`
   * @avoid as `hardlink` where anything may be written to the files: it would be written to the layer as well
   * @example sharing: "copy"
   */
  readonly sharing?: Sharing | undefined;
}

/** An image whose layers are there. They stay as long as a name needs it; `LayerStore.use` keeps them longer. */
export interface UnpackedImage {
  /** The full name. */
  readonly name: string;
  /** Digest of its config, which docker calls the image's ID. */
  readonly config: Digest;
  /** Chain IDs of its layers, lowest first; the last one is its root file system. */
  readonly chainIds: readonly Digest[];
  /** What of its layers could not be made when they were unpacked, by whomever: a line for each that lacks something. */
  readonly warnings: readonly string[];
}

/** What reading an image may be told. */
export interface ReadImageOptions extends UnpackImageOptions {
  /**
   * Which paths of the image are meant, with all that is below them, from the root on; links on the way are followed, inside the
   * image.
   * @defaultValue everything
   * @example paths: ["/etc/passwd", "/usr/share/doc"]
   */
  readonly paths?: readonly string[] | undefined;
  /**
   * Whether a link at the end of a path means what it leads to as well.
   * @defaultValue `false`: the link is meant
   * @example followLinks: true
   */
  readonly followLinks?: boolean | undefined;
}

/** What was extracted of an image. */
export interface ExtractedImage {
  /** The full name. */
  readonly name: string;
  /** Digest of its config, which docker calls the image's ID. */
  readonly config: Digest;
  /** Files, directories, links and all others that were made; those that only lead to what was meant included. */
  readonly entries: number;
  /** Bytes of the files. */
  readonly bytes: number;
  /** What of it this host could not make, in words; empty when everything is there. */
  readonly missing: readonly string[];
}

/** What a push may be told. */
export interface PushOptions extends AbortOptions {
  /**
   * What the image is to be called at the registry, in full or familiar form.
   * @defaultValue its local name
   * @example target: "registry.example/team/app:copy"
   */
  readonly target?: string | undefined;
  /**
   * Push only the image of an index for `os/arch[/variant]`.
   * @defaultValue everything that the name points at
   * @example platform: "linux/amd64"
   */
  readonly platform?: string | undefined;
  /**
   * Push every tag of the repository; the names then have neither tag nor digest.
   * @defaultValue `false`
   * @example allTags: true
   */
  readonly allTags?: boolean | undefined;
  /**
   * Credentials for the target's registry, in place of the configured ones.
   * @defaultValue the `credentials` of the engine
   * @example auth: { username: "jane", password: "correct horse" }
   */
  readonly auth?: Credentials | undefined;
  /**
   * Sent with every registry request of this push; names start with `X-Meta-`.
   * @defaultValue none
   * @example metaHeaders: { "X-Meta-Tenant": "7" }
   */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /**
   * Higher goes first among uploads that wait for a slot; a `LivePriority` can be changed meanwhile.
   * @unit none, any finite number
   * @defaultValue 0
   * @example priority: 10
   */
  readonly priority?: Priority | LivePriority | undefined;
  /**
   * For whom it is pushed, as in `PullOptions.group`.
   * @defaultValue a group of its own
   * @example group: "tenant-7"
   */
  readonly group?: string | undefined;
  /**
   * How fast the blobs of this push may go, as in `PullOptions.bandwidth`.
   * @unit bytes per second
   * @defaultValue no limit of its own
   * @example bandwidth: { up: "5M" }
   */
  readonly bandwidth?: BandwidthLimit | LiveBandwidth | undefined;
  /**
   * Longest time for all of it, in milliseconds; then the push rejects with `ErrDeadlineExceeded`.
   * @defaultValue as long as bytes go
   * @avoid where images are large: a slow line is no failure
   * @example timeoutMs: 600_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Progress: first a plan, then each step in docker's words and as data, and a summary twice a second.
   * @defaultValue nobody is told
   * @example onProgress: (progress) => console.log(progress.kind)
   */
  readonly onProgress?: ProgressSink | undefined;
}

/** One name that a push put in place. */
export interface PushedImage {
  /** The full name at the registry. */
  readonly name: string;
  readonly target: Descriptor;
  /** Origin of the endpoint that took it. */
  readonly endpoint: string;
}

/** What a push did. */
export interface PushResult {
  /** The first target in full form. */
  readonly reference: string;
  /** Digest of the (last) image pushed. */
  readonly digest: Digest;
  /** One image, or one per tag with `allTags`. */
  readonly images: readonly PushedImage[];
  /** Origin of the endpoint that took the (last) image. */
  readonly endpoint: string;
  /** The endpoints that were asked before and could not take it, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
  /** What endpoints took, also through an upload that another push began; not what they had. */
  readonly taken: readonly TakenContent[];
}

/** What a removal did. */
export interface RemovedImage {
  readonly untagged: Image;
  /** Content that is gone with the name. */
  readonly deleted: readonly Digest[];
  /** Whether content was left because work is using the data root. It goes when that work has ended. */
  readonly kept: boolean;
}

/**
 * Moves images between registries and one data root. Made by `openDistribution`, one per data root and process; every
 * method may be called many times at once.
 */
export interface Distribution extends Seeing, Looking, Moving, Artifacts, AsyncDisposable {
  /**
   * Brings an image into the content store and names it. Concurrent pulls share transfers by digest. Throws
   * `ErrInvalidArgument` (reference, platform, options), `ErrNotFound`, `ErrUnauthenticated`, `ErrPermissionDenied`,
   * `ErrUnavailable`, `ErrResourceExhausted`, `ErrDataLoss`, `ErrNotImplemented` (schema 1), `ErrCanceled`, `ErrDeadlineExceeded`; the error
   * of several endpoints holds each one in `errors`. Partial data stays on disk for the next pull. With `allTags` a
   * tag that fails does not keep the others from coming: the error names it, has each tag's own error in `errors`,
   * and the names that are there in `images`.
   */
  pull(reference: string, options?: PullOptions): Promise<PullResult>;
  /**
   * Tells what a pull would bring, before it does: each content with its size, what of it is here, whether it is coming already, and
   * where it may be mounted from; from mirrors and registries, with the credentials and the fallback of a pull. One request for
   * a name that has not changed, otherwise two for an image, and one more where it is in an index, beside those for a token. Nothing
   * is written. With layers that are here only unpacked, a pull moves their blobs unless `keepBlobs` is `false`. Throws as `pull`
   * does, and `ErrNoSupport` where only version 1 of the API is spoken.
   */
  plan(reference: string, options?: PlanOptions): Promise<ImagePlan>;
  /**
   * Sends an image of this data root to a registry: nothing that is there already, mounted where the registry can, blobs
   * before what names them. Concurrent pushes share uploads by repository and digest. Throws `ErrNotFound` for a name or content
   * that is not here, and like `pull`. A broken upload goes on with the next attempt; no tag is made before all is there.
   */
  push(reference: string, options?: PushOptions): Promise<PushResult>;
  /**
   * Takes a name away, and the content that only it needed; emits `untag`, and `delete` for each digest. Removals wait for
   * each other, not for work: what is in use goes later. Works on a full disk. Throws `ErrNotFound`.
   */
  remove(reference: string, options?: ProgressOptions): Promise<RemovedImage>;
  /**
   * Brings the images of an OCI layout or a `docker save` archive into this data root and names them; emits `tag` for each name.
   * Throws `ErrInvalidArgument` for what is no archive or cannot be named, `ErrNotImplemented` for a compression that nothing
   * here can undo, `ErrNotFound` for content that an image needs and that is nowhere, `ErrDataLoss` for bytes that are damaged
   * or cut off, and the classes of the disk's errors.
   */
  import(source: ImportSource, options?: ImportOptions): Promise<readonly Image[]>;
  /**
   * Writes an image, or several, as one tar archive that docker, containerd, podman and skopeo read; what they share is in it once. A path is replaced atomically; a
   * stream stays its owner's, to end or to destroy. Throws `ErrNotFound` for a name or content that is not here,
   * `ErrDataLoss` for a damaged blob, the stream's own errors, and the classes of the disk's errors.
   */
  export(
    references: string | readonly string[],
    target: string | Writable,
    options?: ExportOptions,
  ): Promise<void>;
  /**
   * Gives an image another name, whatever `images.find` finds it by; emits `tag`. Throws `ErrNotFound` for a name that is not here, or one whose content is not,
   * and `ErrInvalidArgument` for a malformed one.
   */
  tag(source: string, target: string, options?: ProgressOptions): Promise<Image>;
  /**
   * Removes content that no name and no namespace needs, and ingests that nobody goes on with; emits `delete` for each
   * digest. Waits, as long as the signal allows, until the work has ended that is running when it begins, and therefore for
   * ever within `withLease`; a dry run does not wait.
   */
  prune(options?: PruneOptions): Promise<PruneResult>;
  /**
   * Hashes all content and looks for what the names need. Bytes that are not what they claim to be are taken out of the way;
   * with `repair`, what is damaged or missing is fetched again from where it came, and nothing else. Unpacked layers are unpacked
   * once more, one after the other, and compared entry by entry: that takes as long as unpacking them and reading them twice, and
   * the room of the largest. With `repair` the new one takes the place of one that differs. What cannot be repaired
   * is told in the result. Throws `ErrDataLoss` for an `index.json` that is damaged, and the classes of the disk's errors.
   */
  check(options?: CheckOptions): Promise<CheckResult>;
  /** Tells where the bytes of the data root are. */
  diskUsage(options?: AbortOptions): Promise<DiskUsage>;
  /**
   * Runs work of the caller's own, until whose end content stays, named or not, that it brings in, that it asks the store for,
   * or that had a name when it began: for what is brought in by other ways, until it has a name. `run` is given a signal that
   * fires with the caller's, by `abort`, and when `close` stops waiting. Throws what `run` throws, and `ErrCanceled` as soon as
   * that signal fires; nothing is removed before `run` has ended as well.
   */
  withLease<T>(run: (signal: AbortSignal) => Promise<T>, options?: AbortOptions): Promise<T>;
  /** Bytes of the content that `target` needs and that is in the store. */
  sizeOf(target: Descriptor, options?: AbortOptions): Promise<number>;
  /**
   * Unpacks an image that is here, which a pull by an engine with layers does by itself, and tells its layers. Throws
   * `ErrNotFound` for a name or content that is not here, `ErrInvalidArgument` for what is no image, `ErrFailedPrecondition`
   * without `DistributionOptions.layers`, `ErrDataLoss` for a damaged layer, and the classes of the disk's errors.
   */
  unpack(reference: string, options?: UnpackImageOptions): Promise<UnpackedImage>;
  /**
   * Makes a directory, new or empty, the root file system of an image that is here; it is unpacked first if need be. Throws as
   * `unpack` does, `ErrAlreadyExists` for a directory with something in it, and `ErrFailedPrecondition` where layers go to a
   * target of the caller's.
   */
  assemble(reference: string, directory: string, options?: AssembleImageOptions): Promise<UnpackedImage>;
  /**
   * Makes a directory, new or empty, out of the files that an image shows, or of some paths of it and what leads there, without
   * unpacking it: each layer is read through once, and once more where a link leads to a content that was not meant to be kept. All
   * of them are verified before anything gets its name. Of an artifact, the files that its layers are, by their titles, as `fetchArtifact`
   * makes them. Throws `ErrNotFound` for a name, a layer or a path that is not here,
   * `ErrInvalidArgument` for what is no image and for layers with unacceptable entries, `ErrDataLoss` for damaged ones,
   * `ErrResourceExhausted` for those beyond the limits, `ErrAlreadyExists` for a directory with something in it, and the classes of
   * the disk's errors.
   */
  extract(reference: string, directory: string, options?: ReadImageOptions): Promise<ExtractedImage>;
  /**
   * What an image shows, or some paths of it, parents first, the names of a directory sorted by their bytes; the root is left out. All
   * layers are read before the first one comes, because an upper one may hide what a lower one has; what is remembered meanwhile
   * depends on the number of names only. Throws as `extract` does when it is iterated over.
   */
  list(reference: string, options?: ReadImageOptions): AsyncIterable<ImageEntry>;
  /** The unpacked layers, where there are any (`DistributionOptions.layers`). */
  readonly layers: LayerStore | undefined;
  /** The bytes by digest. */
  readonly content: Store;
  /** The names, and what they and IDs mean. */
  readonly images: ImageLookup;
  /**
   * What happened to names (pull, push, tag, untag, delete) and at registries (fallback, served, taken, rateLimit, warning, budget),
   * calls that failed (failed), and what this host cannot make of layers (lacking).
   */
  readonly events: EventEmitter<DistributionEvents>;
  /** Changes the limits at once, both ways; 0 is unlimited. */
  setConcurrency(limits: {
    /**
     * Layers downloaded at the same time, over all pulls, at most; 0 is unlimited.
     * @unit downloads
     * @defaultValue as it is
     * @example downloads: 3
     */
    readonly downloads?: number | undefined;
    /**
     * Blobs uploaded at the same time, over all pushes, at most; 0 is unlimited.
     * @unit uploads
     * @defaultValue as it is
     * @example uploads: 2
     */
    readonly uploads?: number | undefined;
  }): void;
  /** Changes the limits that are named, at once, for what is under way as well; 0 or `off` is none. See `DistributionOptions.bandwidth`. */
  setBandwidth(limits: BandwidthLimits): void;
  /**
   * Ends everything under way at once: each call rejects with `ErrCanceled`, whose cause is `reason`. Partial data stays on
   * disk, and new work may be started.
   */
  abort(reason?: unknown): void;
  /**
   * Takes no more work, waits for what runs, and lets the data root go. When the signal fires, what still runs is aborted
   * instead of waited for.
   */
  close(options?: AbortOptions): Promise<void>;
}
