import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ProgressSink } from "../../progress/progress.ts";
import type { LivePriority, Priority } from "../../xfer/live-priority.ts";
import type { TakenContent } from "./moved-content.ts";
import type { BlobOptions } from "./moving.ts";
import type { PassedEndpoint } from "./passed-endpoint.ts";
import type { VerifyImage } from "./verify.ts";

/** What fetching the files of an artifact may be told. */
export interface FetchArtifactOptions extends Omit<BlobOptions, "onProgress"> {
  /**
   * `os/arch[/variant]` of the manifest wanted out of an index.
   * @defaultValue as for `Distribution.inspect`
   * @example platform: "linux/amd64"
   */
  readonly platform?: string | undefined;
  /**
   * Where to look.
   * @defaultValue here, and at the registry for what is not here
   * @example from: "registry"
   */
  readonly from?: "local" | "registry" | undefined;
  /**
   * Only the files of these titles, and those below them.
   * @defaultValue all
   * @example titles: ["report.json"]
   */
  readonly titles?: readonly string[] | undefined;
  /**
   * Asked, before the first byte of a file that is not here, whether the artifact may come, as in `PullOptions.verify`.
   * @defaultValue only the hook of the engine is asked
   * @example verify: ({ manifests }) => manifests.every(({ kind }) => kind === "artifact")
   */
  readonly verify?: VerifyImage | undefined;
  /**
   * Progress: first a plan of the files, then each step, and a summary twice a second.
   * @defaultValue nobody is told
   * @example onProgress: (progress) => console.log(progress.kind)
   */
  readonly onProgress?: ProgressSink | undefined;
}

/** A file, or a directory, that was made of an artifact. */
export interface ArtifactFile {
  /** As its author called it. */
  readonly title: string;
  /** Where it is now. */
  readonly path: string;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the content: of a directory those of its archive, as it travels. */
  readonly size: number;
  /** Whether it is a directory, which travelled as an archive. */
  readonly isDirectory: boolean;
  /** Origin of the endpoint that served the end of it; absent when it was here. */
  readonly endpoint: string | undefined;
}

/** What was made of an artifact. */
export interface FetchedArtifact {
  /** The full name. */
  readonly reference: string;
  /** The manifest that names the files. */
  readonly manifest: Descriptor;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** In the order of the manifest. */
  readonly files: readonly ArtifactFile[];
  /** Layers that no file was made of, because they have no title. */
  readonly untitled: readonly Descriptor[];
  /** What of its directories this host could not make, in words; empty when everything is there. */
  readonly missing: readonly string[];
  /** The endpoints that were asked before and could not serve, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
}

/** A file that is to be a layer of an artifact. */
export interface FileToPush {
  /**
   * Where it is: a regular file, or a link to one. It is read in place and must not change until it is pushed.
   * @example path: "/etc/os-release"
   */
  readonly path: string;
  /**
   * What those who fetch it call it: a path below their directory, `/` between its names.
   * @defaultValue the last name of `path`
   * @example path: "/etc/os-release", title: "about/os-release"
   */
  readonly title?: string | undefined;
  /**
   * What is in it, as a media type.
   * @defaultValue `application/octet-stream`
   * @example path: "/etc/os-release", mediaType: "text/plain"
   */
  readonly mediaType?: string | undefined;
  /**
   * Annotations of its descriptor, beside the title.
   * @defaultValue none
   * @example path: "/etc/os-release", annotations: { "org.example.reviewed": "yes" }
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A file that is to be the config of an artifact. */
export interface ConfigToPush {
  /**
   * Where it is, as for `FileToPush.path`.
   * @example path: "/etc/os-release", mediaType: "application/vnd.example.config"
   */
  readonly path: string;
  /**
   * What the artifact is, where it has no `artifactType`.
   * @example path: "/etc/os-release", mediaType: "application/vnd.example.config"
   */
  readonly mediaType: string;
}

/** What an artifact is to consist of. */
export interface ArtifactToPush {
  /**
   * Its layers, in this order.
   * @defaultValue none but the empty one, for an artifact that is all in its annotations
   * @example artifactType: "application/vnd.example.report", files: [{ path: "/etc/os-release", mediaType: "text/plain" }]
   */
  readonly files?: readonly FileToPush[] | undefined;
  /**
   * What it is, as a media type. Needed unless there is a `config`.
   * @defaultValue none: the type of the config tells it
   * @example artifactType: "application/vnd.example.report"
   */
  readonly artifactType?: string | undefined;
  /**
   * Annotations of the manifest. Nothing is added to them, so equal files make an equal artifact.
   * @defaultValue none
   * @example artifactType: "application/vnd.example.report", annotations: { "org.opencontainers.image.vendor": "Example" }
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * What it is about: a manifest or index of the same repository, by its descriptor, its digest, or a reference in full, which is looked
   * up at the registry. It is listed among the referrers of that, also where the registry keeps no referrers.
   * @defaultValue nothing
   * @example artifactType: "application/vnd.example.report", subject: "registry.example/team/app:v1"
   */
  readonly subject?: Descriptor | string | undefined;
  /**
   * A file that is its config.
   * @defaultValue the empty one
   * @example config: { path: "/etc/os-release", mediaType: "application/vnd.example.config" }
   */
  readonly config?: ConfigToPush | undefined;
}

/** What pushing an artifact may be told. */
export interface PushArtifactOptions extends Omit<BlobOptions, "onProgress"> {
  /**
   * Higher goes first among uploads that wait for a slot; a `LivePriority` can be changed meanwhile.
   * @unit none, any finite number
   * @defaultValue 0
   * @example priority: 5
   */
  readonly priority?: Priority | LivePriority | undefined;
  /**
   * Progress: first a plan, then each step in docker's words and as data, and a summary twice a second.
   * @defaultValue nobody is told
   * @example onProgress: (progress) => console.log(progress.kind)
   */
  readonly onProgress?: ProgressSink | undefined;
}

/** What a push of an artifact put in place. */
export interface PushedArtifact {
  /** The full name at the registry: with its tag, or else with its digest. */
  readonly name: string;
  readonly target: Descriptor;
  /** Its layers, in the order of the files. */
  readonly files: readonly Descriptor[];
  /** What it is about, if anything. */
  readonly subject: Pick<Descriptor, "mediaType" | "digest" | "size"> | undefined;
  /** Origin of the endpoint that took it. */
  readonly endpoint: string;
  /** The endpoints that were asked before and could not take it, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
  /** What endpoints took, also through an upload that another push began; not what they had. */
  readonly taken: readonly TakenContent[];
}

/** Files that registries carry as artifacts. */
export interface Artifacts {
  /**
   * Pushes files as an artifact (OCI image-spec 1.1): read where they are, twice, once for their digests and once to be sent, and
   * kept nowhere. What is there is not sent, what the registry has in another repository is mounted; blobs go before the manifest, the tag
   * last, and a broken upload goes on with the next attempt. A reference with a digest has to be that of the artifact. One without tag and
   * digest means `latest`, or no tag where there is a subject. Throws as `push` does, `ErrInvalidArgument` for titles that `fetchArtifact`
   * would refuse, media types that are none, a directory, and an artifact of which nobody could tell what it is, `ErrOutOfRange` for too
   * many or too much in annotations, `ErrFailedPrecondition` for a file that changes meanwhile, `ErrNotFound` for one, or a subject,
   * that is not there, and the classes of the disk's errors.
   */
  pushArtifact(
    reference: string,
    artifact: ArtifactToPush,
    options?: PushArtifactOptions,
  ): Promise<PushedArtifact>;
  /**
   * Makes files of an artifact in a directory, each under its title (`org.opencontainers.image.title`), out of what is here or straight from
   * the registry, as `fetchTo` does: resumed, verified, and renamed to its place when it is complete. What is there already with the same
   * content stays; another file of that name is replaced. A layer that is the archive of a directory
   * (`io.deis.oras.content.unpack`) becomes that directory, which must not be there or be empty; it appears when all of it is made. Nothing
   * is made outside of the directory, and no link on the way is followed: titles that are absolute, lead up, have backslashes, drives or
   * control characters, or cannot be in one directory together on every system are refused before anything is fetched. When one file
   * fails the others are ended; those that are complete stay. Throws as `inspect` and `fetchTo` do, `ErrInvalidArgument` for such titles,
   * for an image without titles and for an archive that no directory can be made of, `ErrNotFound` for a title that is not in it,
   * `ErrPermissionDenied` where a hook says no, and `ErrAlreadyExists` for a directory with something in it.
   */
  fetchArtifact(
    reference: string,
    directory: string,
    options?: FetchArtifactOptions,
  ): Promise<FetchedArtifact>;
}
