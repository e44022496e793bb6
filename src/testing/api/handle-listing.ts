import { type Digest, isDigest } from "../../digest/digest.ts";
import { refusalReply } from "../habits/refusal.ts";
import { type Call, type Reply, type ReplyHeaders, refuse, replyJson } from "../http/reply.ts";
import type { Storage, StoredManifest } from "../storage/storage.ts";
import type { Settings } from "./settings.ts";

/** Answers `/v2/<name>/tags/list?n=&last=` in lexical order (OCI distribution-spec end-8). */
export function handleTags({ storage, habits }: Settings, call: Call): Reply {
  const { repository: name = "", query, path } = call.route;
  const { noTags, pageSize, tooLargePage, moreFields } = habits.lists;
  if (noTags) return refusalReply(noTags);
  if (call.method !== "GET") return refuse("UNSUPPORTED", "the operation is unsupported");
  const repository = storage.find(name);
  if (!repository || repository.isEmpty()) {
    return refuse("NAME_UNKNOWN", "repository name not known to registry", { detail: { name } });
  }
  const asked = query.get("n");
  if (asked !== null && !/^\d+$/.test(asked)) return refuse("UNSUPPORTED", "invalid n", { status: 400 });
  if (tooLargePage && Number(asked) > pageSize) return refusalReply(tooLargePage);
  const last = query.get("last") ?? "";
  const rest = repository.sortedTags().filter((tag) => tag > last);
  const page = rest.slice(0, Math.min(pageSize, Number(asked ?? pageSize)));
  const more = page.length > 0 && page.length < rest.length;
  const next = new URLSearchParams({ n: String(page.length), last: page.at(-1) ?? "" });
  return replyJson({ name, tags: page, ...moreFields }, { headers: more ? link(path, next, habits) : {} });
}

/** Answers `/v2/<name>/referrers/<digest>?artifactType=` (OCI distribution-spec end-12). */
export function handleReferrers({ storage, habits }: Settings, call: Call): Reply {
  const { repository: name = "", reference = "", query, path } = call.route;
  const { noReferrers, noSubject, pageSize } = habits.lists;
  if (noReferrers) return refusalReply(noReferrers);
  if (call.method !== "GET") return refuse("UNSUPPORTED", "the operation is unsupported");
  if (!isDigest(reference)) return refuse("DIGEST_INVALID", "provided digest is not valid");
  if (noSubject && !storage.find(name)?.manifests.has(reference)) return refusalReply(noSubject);
  const artifactType = query.get("artifactType");
  const last = query.get("last") ?? "";
  const rest = referrersOf(storage, name, reference)
    .filter((manifest) => artifactType === null || manifest.artifactType === artifactType)
    .filter((manifest) => manifest.digest > last);
  const page = rest.slice(0, pageSize);
  const next = new URLSearchParams(query);
  next.set("last", page.at(-1)?.digest ?? "");
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: page.map(describe) };
  return replyJson(index, {
    headers: {
      "content-type": INDEX,
      ...(artifactType !== null && { "oci-filters-applied": "artifactType" }),
      ...(page.length > 0 && page.length < rest.length && link(path, next, habits)),
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

function link(path: string, query: URLSearchParams, { lists }: Settings["habits"]): ReplyHeaders {
  const target = `${path}?${query.toString()}`;
  return { link: `${lists.bracketsLinks ? `<${target}>` : target}; rel="next"` };
}
