import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { BlobOptions } from "./moving.ts";
import type { PassedEndpoint } from "./passed-endpoint.ts";

/** What fetching the files of an artifact may be told. */
export interface FetchArtifactOptions extends BlobOptions {
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

/** Files that registries carry as artifacts. */
export interface Artifacts {
  /**
   * Makes files of an artifact in a directory, each under its title (`org.opencontainers.image.title`), out of what is here or straight from
   * the registry, as `fetchTo` does: resumed, verified, and renamed to its place when it is complete. What is there already with the same
   * content stays; another file of that name is replaced. A layer that is the archive of a directory
   * (`io.deis.oras.content.unpack`) becomes that directory, which must not be there or be empty; it appears when all of it is made. Nothing
   * is made outside of the directory, and no link on the way is followed: titles that are absolute, lead up, have backslashes, drives or
   * control characters, or cannot be in one directory together on every system are refused before anything is fetched. When one file
   * fails the others are ended; those that are complete stay. Throws as `inspect` and `fetchTo` do, `ErrInvalidArgument` for such titles,
   * for an image without titles and for an archive that no directory can be made of, `ErrNotFound` for a title that is not in it, and
   * `ErrAlreadyExists` for a directory with something in it.
   */
  fetchArtifact(
    reference: string,
    directory: string,
    options?: FetchArtifactOptions,
  ): Promise<FetchedArtifact>;
}
