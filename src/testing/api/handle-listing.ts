import { type Digest, isDigest } from "../../digest/digest.ts";
import { type Call, type Reply, type ReplyHeaders, refuse, replyJson } from "../http/reply.ts";
import type { Storage, StoredManifest } from "../storage/storage.ts";

/** What the listing handlers work with. */
interface ListingContext {
  readonly storage: Storage;
  /** Most entries of one page; the client may ask for fewer. */
  readonly pageSize: number;
  /** Whether the referrers API is on. */
  readonly referrers: boolean;
}

/** Answers `/v2/<name>/tags/list?n=&last=` in lexical order (OCI distribution-spec end-8). */
export function handleTags(context: ListingContext, call: Call): Reply {
  const { repository: name = "", query, path } = call.route;
  if (call.method !== "GET") return refuse("UNSUPPORTED", "the operation is unsupported");
  const repository = context.storage.find(name);
  if (!repository || repository.isEmpty()) {
    return refuse("NAME_UNKNOWN", "repository name not known to registry", { detail: { name } });
  }
  const asked = query.get("n");
  if (asked !== null && !/^\d+$/.test(asked)) return refuse("UNSUPPORTED", "invalid n", { status: 400 });
  const last = query.get("last") ?? "";
  const rest = repository.sortedTags().filter((tag) => tag > last);
  const page = rest.slice(0, Math.min(context.pageSize, Number(asked ?? context.pageSize)));
  const more = page.length > 0 && page.length < rest.length;
  const next = new URLSearchParams({ n: String(page.length), last: page.at(-1) ?? "" });
  return replyJson({ name, tags: page }, { headers: more ? link(path, next) : {} });
}

/** Answers `/v2/<name>/referrers/<digest>?artifactType=` (OCI distribution-spec end-12). */
export function handleReferrers(context: ListingContext, call: Call): Reply {
  const { repository: name = "", reference = "", query, path } = call.route;
  if (!context.referrers) return refuse("UNSUPPORTED", "referrers are not supported", { status: 404 });
  if (call.method !== "GET") return refuse("UNSUPPORTED", "the operation is unsupported");
  if (!isDigest(reference)) return refuse("DIGEST_INVALID", "provided digest is not valid");
  const artifactType = query.get("artifactType");
  const last = query.get("last") ?? "";
  const rest = referrersOf(context.storage, name, reference)
    .filter((manifest) => artifactType === null || manifest.artifactType === artifactType)
    .filter((manifest) => manifest.digest > last);
  const page = rest.slice(0, context.pageSize);
  const next = new URLSearchParams(query);
  next.set("last", page.at(-1)?.digest ?? "");
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: page.map(describe) };
  return replyJson(index, {
    headers: {
      "content-type": INDEX,
      ...(artifactType !== null && { "oci-filters-applied": "artifactType" }),
      ...(page.length > 0 && page.length < rest.length && link(path, next)),
    },
  });
}

const INDEX = "application/vnd.oci.image.index.v1+json";

function referrersOf(storage: Storage, name: string, subject: Digest): StoredManifest[] {
  return [...(storage.find(name)?.manifests.values() ?? [])]
    .filter((manifest) => manifest.subject === subject)
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

function describe({ mediaType, digest, bytes, artifactType, annotations }: StoredManifest): object {
  return { mediaType, digest, size: bytes.byteLength, artifactType, annotations };
}

function link(path: string, query: URLSearchParams): ReplyHeaders {
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}
