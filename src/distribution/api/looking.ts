import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { ConfigFacts } from "../../oci/config-facts.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { JsonObject } from "../../oci/json-object.ts";
import type { StepSink } from "../../progress/progress.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";
import type { PassedEndpoint } from "./passed-endpoint.ts";

/** What a question to a registry may be told: each of it means what it means to a pull. */
export interface AskingOptions extends AbortOptions {
  /**
   * Credentials for the reference's own registry, in place of the configured ones. Never sent to a mirror.
   * @defaultValue the `credentials` of the engine
   * @example auth: { username: "jane", password: "correct horse" }
   */
  readonly auth?: Credentials | undefined;
  /**
   * Sent with every registry request of this question; names start with `X-Meta-`.
   * @defaultValue none
   * @example metaHeaders: { "X-Meta-Tenant": "7" }
   */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /**
   * Longest time for all of it, in milliseconds; then it rejects with `ErrDeadlineExceeded`.
   * @defaultValue no limit
   * @example timeoutMs: 30_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Told for whom it waits, in docker's words.
   * @defaultValue nobody is told
   * @example onProgress: ({ kind, id }) => console.log(kind, id)
   */
  readonly onProgress?: StepSink | undefined;
}

/** What a reference means at its registry; good as a descriptor. */
export interface ResolvedReference {
  /** The reference in full form. */
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Size of the document in bytes, not of what it names. */
  readonly size: number;
  /** Origin of the endpoint that said it. */
  readonly endpoint: string;
  /** The endpoints that were asked before and could not say, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
}

/** Which referrers are wanted. */
export interface ReferrersOptions extends AskingOptions {
  /**
   * Only those of this type.
   * @defaultValue all
   * @example artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json"
   */
  readonly artifactType?: string | undefined;
}

/** What is inspected. */
export interface InspectOptions extends AskingOptions {
  /**
   * `os/arch[/variant]` of the image wanted out of an index.
   * @defaultValue the one for this machine, as for a pull, or else the first one that can be had
   * @example platform: "linux/arm64"
   */
  readonly platform?: string | undefined;
  /**
   * Where to look.
   * @defaultValue here, and at the registry for what is not here
   * @avoid as `registry` where a name that is here will do: each call is a request
   * @example from: "registry"
   */
  readonly from?: "local" | "registry" | undefined;
}

/** A content of an image that was inspected. */
export interface InspectedContent extends Descriptor {
  /** Whether all of it is in this data root. */
  readonly isHere: boolean;
}

/** A layer of an image that was inspected. */
export interface InspectedLayer extends InspectedContent {
  /** Digest of the layer uncompressed, where the config tells it. */
  readonly diffId: Digest | undefined;
}

/** What an image, or an artifact, consists of, and what the config of an image says. */
export interface InspectedImage extends Omit<ConfigFacts, "diffIds"> {
  /** The name in full form; of an image that was found by its ID, its first name here. */
  readonly reference: string;
  readonly from: "local" | "registry";
  /** Origin of the endpoint that told it; absent where no endpoint was asked. */
  readonly endpoint: string | undefined;
  /** The endpoints that were asked before and could not tell, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
  /** What the reference points at: an index stays an index. */
  readonly target: Descriptor;
  /** The manifests that the target lists, attestations and all else included; of a manifest itself alone. */
  readonly manifests: readonly InspectedContent[];
  /** The platforms of the images in it: `linux/arm64/v8`. */
  readonly platforms: readonly string[];
  /** Whether there is an image in it that a container could run, or only something else that registries carry. */
  readonly kind: "image" | "artifact";
  /** The manifest of the image that was chosen. Absent where the target lists none, or is of a kind that nobody here knows. */
  readonly manifest: Descriptor | undefined;
  /** Digest of the config, which docker calls the image's ID; that of the target where there is no config. */
  readonly id: Digest;
  readonly config: InspectedContent | undefined;
  /** Lowest first. */
  readonly layers: readonly InspectedLayer[];
  /** Bytes of manifest, config and layers, each content once, as they travel. */
  readonly size: number;
  /** What the chosen manifest, or else the target, says about itself. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject: Descriptor | undefined;
  /** The documents byte for byte: of the target, of the chosen manifest, and of the config of an image. */
  readonly documents: {
    readonly target: Uint8Array;
    readonly manifest: Uint8Array | undefined;
    readonly config: Uint8Array | undefined;
  };
  /** The config of an image, as its author wrote it: untrusted, and to be read with care. */
  readonly configuration: JsonObject | undefined;
}

/** Questions to data root and registry. None of them writes anything to the disk. */
export interface Looking {
  /**
   * Asks what a reference means, and for nothing else: by HEAD, which registries do not count as a pull, or by GET where that is refused
   * or says nothing clear; then the digest is computed. From mirrors and registries, with credentials and fallback. Throws as `pull`
   * does, and `ErrNoSupport` where only version 1 of the API is spoken.
   */
  resolve(reference: string, options?: AskingOptions): Promise<ResolvedReference>;
  /**
   * Tells what an image consists of, of what is here by all that `images.find` takes, or of what the registry has: two requests for an
   * image there, three for one in an index, and none for documents that are here. Artifacts and documents of unknown kinds are told
   * as far as they can be read. Throws as `images.find` and `resolve` do, `ErrNotFound` for a platform that is not in it, and
   * `ErrInvalidArgument` for a document that contradicts itself.
   */
  inspect(reference: string, options?: InspectOptions): Promise<InspectedImage>;
  /**
   * The tags of a repository, in the registry's order; page by page, within the bounds of `src/registry/pull/list-tags.ts`. The
   * reference has neither tag nor digest. Throws as `resolve` does.
   */
  tags(repository: string, options?: AskingOptions): Promise<readonly string[]>;
  /**
   * What refers to a manifest: signatures, attestations, bills of material. By the referrers API, or the tag that stands for it where a
   * registry does not have that; none where nothing refers to it. Asked of endpoints with that capability, which mirrors have only
   * where a `hosts.toml` says so. Throws as `resolve` does.
   */
  referrers(reference: string, options?: ReferrersOptions): Promise<readonly Descriptor[]>;
  /**
   * Deletes a tag, or a manifest with all its tags, at its registry; never at a mirror, and nothing here. The reference has a tag or
   * a digest, and not both: a tag goes alone, where the registry can do that. Throws `ErrNotFound` for what is not there,
   * `ErrNotImplemented` where the registry does not delete, or not by tag, `ErrInvalidArgument`, and as `push` does.
   */
  delete(reference: string, options?: AskingOptions): Promise<void>;
}
