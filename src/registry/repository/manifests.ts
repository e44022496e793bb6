import { algorithmOf, type Digest, digestOf, isDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument } from "../../errors/classes.ts";
import { plainText } from "../../errors/plain-text.ts";
import { isIndexType, isManifestType, isSchema1Type, MANIFEST_ACCEPT } from "../../oci/media-types.ts";
import { MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import { refusesShortCut } from "../answers/short-cuts.ts";
import { contentCodings } from "../http/content-coding.ts";
import { type Asker, type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";
import type { RepositorySession } from "./repository-session.ts";

/** End of a document that is looked at for its closing brace, in bytes: white space behind it is short. */
const MAX_END_BYTES = 64;

/** What is particular about a request for a manifest. */
export interface ManifestOptions extends Asker {
  /**
   * Media types in order of preference.
   * @defaultValue all that drayage understands, then anything
   * @example accept: ["application/vnd.oci.image.index.v1+json"]
   */
  readonly accept?: readonly string[] | undefined;
  /**
   * Whether what the endpoint asks for is looked up at its API root first, see `HttpRequest.rootFirst`.
   * @defaultValue `false`
   * @example rootFirst: true
   */
  readonly rootFirst?: boolean | undefined;
  /**
   * How many requests for blobs will follow at once, see `HttpRequest.followedBy`.
   * @unit requests
   * @defaultValue 0
   * @example followedBy: 8
   */
  readonly followedBy?: number | undefined;
}

/** What a registry says of a manifest. Its promises are to be checked when the bytes are there. */
export interface ManifestHead {
  /** Content-Type without parameters: a manifest or an index. */
  readonly mediaType: string;
  /** The digest that was asked for, otherwise `Docker-Content-Digest`. */
  readonly digest: Digest;
  /** Bytes, from Content-Length. */
  readonly size: number;
}

/** A manifest as it was received. */
export interface ManifestContent {
  readonly bytes: Uint8Array;
  /** Content-Type without parameters; where that is no manifest's or index's, the one that the document gives itself, if any. */
  readonly mediaType: string;
  /** `Docker-Content-Digest`, when it is there and valid. */
  readonly digest: Digest | undefined;
}

/**
 * HEAD of a manifest by tag or digest. `undefined` when the registry refuses it (also with 404, because only the answer to GET
 * has the registry's words), or does not say clearly what it has: then `getManifest` must tell, as in containerd's resolver.
 */
export async function headManifest(
  session: RepositorySession,
  reference: string,
  options: ManifestOptions,
): Promise<ManifestHead | undefined> {
  const request = manifestRequest(session, "HEAD", { reference, ...options });
  const response = await session.send(request, (answer) => refusesShortCut("manifest HEAD", answer));
  await response.body.discard();
  return response.status === 200 ? headOf(response, reference) : undefined;
}

/**
 * GET of a manifest by tag or digest. By a tag, the bytes are compared with `Docker-Content-Digest`. Throws a retryable
 * `ErrDataLoss` when they differ, or when a document without a length was cut off on its way; `ErrOutOfRange` for one longer
 * than `MAX_MANIFEST_BYTES`.
 */
export function getManifest(
  session: RepositorySession,
  reference: string,
  options: ManifestOptions,
): Promise<ManifestContent> {
  const request = manifestRequest(session, "GET", { reference, ...options });
  return session.document(request, async (response) => {
    const bytes = await response.body.bytes(MAX_MANIFEST_BYTES);
    const digest = headerDigest(response);
    // By a digest, whoever stores the bytes verifies them by that one.
    if (!isDigest(reference)) checkWhole(request, response, bytes);
    return { bytes, mediaType: documentType(mediaTypeOf(response), bytes), digest };
  });
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
  { reference, accept = [...MANIFEST_ACCEPT, "*/*"], ...parts }: ManifestOptions & { reference: string },
): HttpRequest {
  const headers = { accept: accept.join(", ") };
  return session.request({ method, path: manifestPath(reference), headers, ...parts });
}

function headOf(response: HttpResponse, reference: string): ManifestHead | undefined {
  const digest = isDigest(reference) ? reference : headerDigest(response);
  const size = Number(headerOf(response, "content-length") ?? 0);
  const mediaType = mediaTypeOf(response);
  const isSize = size > 0 && size <= MAX_MANIFEST_BYTES; // this is false for what is no number
  // The length is that of the encoded bytes then.
  const isEncoded = contentCodings(response.headers["content-encoding"]).length > 0;
  const isClear = digest !== undefined && isDocumentType(mediaType) && isSize && !isEncoded;
  return isClear ? { mediaType, digest, size } : undefined;
}

function isDocumentType(mediaType: string): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

/** Throws when what came by tag is not, or cannot be, all of what the registry has. */
function checkWhole(request: HttpRequest, response: HttpResponse, bytes: Uint8Array): void {
  const wanted = headerDigest(response);
  const got = wanted && digestOf(bytes, algorithmOf(wanted));
  const isCut = wanted === undefined && isDocumentType(mediaTypeOf(response)) && !endsLikeObject(bytes);
  if (got === wanted && !isCut) return;
  const { origin, pathname } = new URL(request.url);
  const problem = isCut
    ? `got ${bytes.length} bytes of a document without its end`
    : `got ${got}, wanted ${wanted}`;
  throw new ErrDataLoss(`GET ${origin}${pathname}: ${problem}`, { endpoint: origin, retryable: true });
}

function endsLikeObject(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).subarray(-MAX_END_BYTES).toString("latin1").trimEnd().endsWith("}");
}

/** `served` if that is a type of documents, otherwise what the document calls itself: static file servers know no better. */
function documentType(served: string, bytes: Uint8Array): string {
  if (isDocumentType(served) || isSchema1Type(served)) return served;
  try {
    const { mediaType }: { mediaType?: unknown } = JSON.parse(Buffer.from(bytes).toString("utf8")) ?? {};
    return typeof mediaType === "string" && isDocumentType(mediaType) ? mediaType : served;
  } catch {
    return served; // it may be a web page, or whatever else
  }
}

function headerDigest(response: HttpResponse): Digest | undefined {
  const digest = headerOf(response, "docker-content-digest") ?? "";
  return isDigest(digest) ? digest : undefined;
}

/** How much of a Content-Type is looked at, in characters. */
const MAX_HEADER_CHARS = 1_024;

/** Longest media type that is taken as it is, in characters: two names of at most 127 (RFC 6838, section 4.2). */
const MAX_MEDIA_TYPE_CHARS = 255;

/** Content-Type without parameters, empty when there is none; what is no media type is made fit for a message. */
export function mediaTypeOf(response: HttpResponse): string {
  const [mediaType = ""] = (headerOf(response, "content-type") ?? "")
    .slice(0, MAX_HEADER_CHARS)
    .split(";", 1);
  return plainText(mediaType, MAX_MEDIA_TYPE_CHARS, response.secrets);
}
