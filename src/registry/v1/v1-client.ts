import { type Digest, isDigest } from "../../digest/digest.ts";
import { ErrInvalidArgument, ErrUnavailable, ErrUnknown } from "../../errors/classes.ts";
import { findError, isInvalidArgument } from "../../errors/predicates.ts";
import { parseJson } from "../http/parse-json.ts";
import { type Asker, type HttpResponse, headerOf } from "../http/send.ts";
import type { BlobContent } from "../repository/open-content.ts";
import { isImageId } from "./image-id.ts";
import { V1Session, type V1SessionOptions } from "./v1-session.ts";

/** Longest answer to one tag, in bytes: an id in quotes. */
const MAX_TAG_BYTES = 1_024;

/** Longest list of tags, in bytes: a hundred thousand of them. */
const MAX_TAGS_BYTES = 16 * 1024 * 1024;

/** Images below one another; docker itself stopped at 127. */
const MAX_ANCESTRY = 4_096;

/** Longest ancestry, in bytes: so many ids with quotes, commas and white space. */
const MAX_ANCESTRY_BYTES = 512 * 1024;

/** Longest document about one image, in bytes: a few KiB in practice. */
const MAX_IMAGE_JSON_BYTES = 1024 * 1024;

/** Checksums of one layer that are looked at; docker-registry has one of each kind. */
const MAX_CHECKSUMS = 8;

/** What a registry says of one image. */
export interface V1ImageFacts {
  /** The document, which is part of what checksums are about. */
  readonly json: Uint8Array;
  /** Bytes of the layer as it is sent, when the registry knows. */
  readonly layerSize: number | undefined;
  /** SHA-256 checksums, any of which the document, a newline and the layer must have; others are left out. */
  readonly checksums: readonly Digest[];
}

/** Which part of a layer is wanted. */
export interface V1LayerOptions extends Asker {
  /** Bytes that are there already. */
  readonly offset: number;
  /** Size of the whole, when it is known. */
  readonly size: number | undefined;
}

/**
 * One repository at one endpoint, read by the API of docker-registry ("version 1"). Every call is one attempt. Throws
 * `ErrNoSupport` where nobody speaks it, `ErrUnknown` (not retryable) for answers that are malformed, `ErrOutOfRange` for those
 * that are too long, and failed answers as `errorFromResponse` makes them.
 */
export interface V1Client {
  /** The id of the image that a tag points at. */
  imageOf(tag: string, asker?: Asker): Promise<string>;
  /** All tags, in the order in which the registry lists them. */
  tags(asker?: Asker): Promise<readonly string[]>;
  /** The ids of the images that an image is made of: itself first, each once, its base last. */
  ancestry(id: string, asker?: Asker): Promise<readonly string[]>;
  /** What the registry says of one of them. */
  image(id: string, asker?: Asker): Promise<V1ImageFacts>;
  /** The layer of one of them, from an offset or from its start. Nothing is verified but lengths and ranges. */
  openLayer(id: string, options: V1LayerOptions): Promise<BlobContent>;
}

/** The client of a repository at an endpoint; all who are the same user there may share it. It holds no connections. */
export function createV1Client(options: V1SessionOptions): V1Client {
  const { endpoint, repository } = options;
  const session = new V1Session(options);
  // What has no namespace is one of "library", which only the index knows by itself.
  const path = endpoint.repository ?? repository;
  const tags = `repositories/${path.includes("/") ? path : `library/${path}`}/tags`;
  return {
    imageOf: (tag, asker = {}) =>
      session.document(`${tags}/${checkedTag(tag)}`, (response) => readImageId(response), asker),
    tags: (asker = {}) => session.document(tags, readTags, asker),
    ancestry: (id, asker = {}) =>
      session.document(`images/${id}/ancestry`, (response) => readAncestry(response, id), asker),
    image: async (id, asker = {}) => {
      try {
        return await session.document(`images/${id}/json`, readFacts, asker);
      } catch (error) {
        throw isBeingPushed(error)
          ? new ErrUnavailable(`get image ${id}: it is being pushed`, { cause: error })
          : error;
      }
    },
    openLayer: (id, { offset, size, ...asker }) =>
      session.content(`images/${id}/layer`, { wanted: { offset, size }, ...asker }),
  };
}

/** Nothing that could lead elsewhere may become part of a path. */
function checkedTag(tag: string): string {
  if (/^\w[\w.-]{0,127}$/.test(tag)) return tag;
  throw new ErrInvalidArgument(`request tag: got ${JSON.stringify(tag)}, wanted a tag`);
}

async function readImageId(response: HttpResponse): Promise<string> {
  const id = parseJson(await response.body.bytes(MAX_TAG_BYTES));
  if (!isImageId(id)) throw malformed(response, "got no image id");
  return id;
}

async function readTags(response: HttpResponse): Promise<readonly string[]> {
  const tags = parseJson(await response.body.bytes(MAX_TAGS_BYTES));
  if (typeof tags !== "object" || tags === null || Array.isArray(tags)) {
    throw malformed(response, "got no table of tags");
  }
  return Object.keys(tags);
}

async function readAncestry(response: HttpResponse, id: string): Promise<readonly string[]> {
  const ids: unknown = parseJson(await response.body.bytes(MAX_ANCESTRY_BYTES));
  if (!Array.isArray(ids) || ids.length > MAX_ANCESTRY || !ids.every(isImageId)) {
    throw malformed(response, `got no list of at most ${MAX_ANCESTRY} image ids`);
  }
  if (ids[0] !== id) throw malformed(response, `got the ancestry of another image than ${id}`);
  if (new Set(ids).size < ids.length)
    throw malformed(response, `got an ancestry of ${id} that leads in a circle`);
  return ids;
}

async function readFacts(response: HttpResponse): Promise<V1ImageFacts> {
  const size = headerOf(response, "x-docker-size") ?? "";
  return {
    json: await response.body.bytes(MAX_IMAGE_JSON_BYTES),
    layerSize: /^\d{1,15}$/.test(size) ? Number(size) : undefined,
    checksums: checksumsIn(headerOf(response, "x-docker-checksum-payload")),
  };
}

/** A JSON list as text; older registries have one checksum as it is. */
function checksumsIn(header: string | undefined): readonly Digest[] {
  const listed = [parseJson(header ?? "") ?? header].flat().slice(0, MAX_CHECKSUMS);
  return listed.filter(
    (sum): sum is Digest => typeof sum === "string" && isDigest(sum) && sum.startsWith("sha256:"),
  );
}

/** docker-registry says so with a status that means something else. */
function isBeingPushed(error: unknown): boolean {
  return isInvalidArgument(error) && /\bbeing uploaded\b/i.test(findError(error)?.message ?? "");
}

function malformed({ url }: HttpResponse, problem: string): ErrUnknown {
  const { origin, pathname } = new URL(url);
  return new ErrUnknown(`GET ${origin}${pathname}: ${problem}`, { endpoint: origin, retryable: false });
}
