import type { AbortOptions } from "../../async/abort.ts";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import { MANIFEST_ACCEPT } from "../../oci/media-types.ts";
import { MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import { type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";
import type { RepositorySession } from "./repository-session.ts";

/** Refusals of HEAD after which GET says more: 405 and 501 mean the method, 403 and 404 have their reason in the body. */
const HEAD_REFUSALS: readonly unknown[] = [403, 404, 405, 501];

/** What is particular about a request for a manifest. */
export interface ManifestOptions extends AbortOptions {
  /** Media types in order of preference. Default: all that drayage understands, then anything. */
  readonly accept?: readonly string[] | undefined;
}

/** What a registry says of a manifest. Its promises are to be checked when the bytes are there. */
export interface ManifestHead {
  /** Content-Type without parameters; empty when the registry sent none. */
  readonly mediaType: string;
  /** The digest that was asked for, otherwise `Docker-Content-Digest`. */
  readonly digest: Digest;
  /** Bytes, from Content-Length. */
  readonly size: number;
}

/** A manifest as it was received; nothing is verified but its length. */
export interface ManifestContent {
  readonly bytes: Uint8Array;
  /** Content-Type without parameters; empty when the registry sent none. */
  readonly mediaType: string;
  /** `Docker-Content-Digest`, when it is there and valid. */
  readonly digest: Digest | undefined;
}

/**
 * HEAD of a manifest by tag or digest. `undefined` when the registry refuses it (also with 404, because only the answer to
 * GET has the registry's words), or leaves out digest or length: then `getManifest` must tell, as in containerd's resolver.
 */
export async function headManifest(
  session: RepositorySession,
  reference: string,
  options: ManifestOptions,
): Promise<ManifestHead | undefined> {
  try {
    return await session.document(
      manifestRequest(session, "HEAD", { reference, ...options }),
      async (response) => {
        await response.body.discard();
        return headOf(response, reference);
      },
    );
  } catch (error) {
    if (HEAD_REFUSALS.includes(findError(error)?.httpStatus)) return undefined;
    throw error;
  }
}

/** GET of a manifest by tag or digest. Throws `ErrOutOfRange` for one longer than `MAX_MANIFEST_BYTES`. */
export function getManifest(
  session: RepositorySession,
  reference: string,
  options: ManifestOptions,
): Promise<ManifestContent> {
  return session.document(manifestRequest(session, "GET", { reference, ...options }), async (response) => ({
    bytes: await response.body.bytes(MAX_MANIFEST_BYTES),
    mediaType: mediaTypeOf(response),
    digest: digestOf(response),
  }));
}

/** Path of a manifest below its repository. Throws `ErrInvalidArgument` for what is neither a tag nor a digest. */
export function manifestPath(reference: string): string {
  // Nothing that could lead elsewhere may become part of a path.
  if (isDigest(reference) || /^\w[\w.-]{0,127}$/.test(reference)) return `manifests/${reference}`;
  throw new ErrInvalidArgument(`request manifest: got ${JSON.stringify(reference)}, wanted a tag or digest`);
}

function manifestRequest(
  session: RepositorySession,
  method: "GET" | "HEAD",
  { reference, accept = [...MANIFEST_ACCEPT, "*/*"], signal }: ManifestOptions & { reference: string },
): HttpRequest {
  const headers = { accept: accept.join(", ") };
  return session.request({ method, path: manifestPath(reference), headers, signal });
}

function headOf(response: HttpResponse, reference: string): ManifestHead | undefined {
  const digest = isDigest(reference) ? reference : digestOf(response);
  const length = headerOf(response, "content-length");
  if (digest === undefined || length === undefined) return undefined;
  return { mediaType: mediaTypeOf(response), digest, size: Number(length) };
}

function digestOf(response: HttpResponse): Digest | undefined {
  const digest = headerOf(response, "docker-content-digest") ?? "";
  return isDigest(digest) ? digest : undefined;
}

/** Content-Type without parameters; empty when there is none. */
export function mediaTypeOf(response: HttpResponse): string {
  const [mediaType = ""] = (headerOf(response, "content-type") ?? "").split(";");
  return mediaType.trim();
}
