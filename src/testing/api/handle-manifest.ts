import { algorithmOf, type Digest, digestOf, isDigest } from "../../digest/digest.ts";
import { type Refusal, refusalReply } from "../habits/refusal.ts";
import { readBody } from "../http/read-body.ts";
import { bytesBody, type Call, type Reply, refuse, replyEmpty } from "../http/reply.ts";
import { isTag } from "../http/route.ts";
import type { Repository, StoredManifest } from "../storage/storage.ts";
import { inspectManifest, type ManifestFacts } from "./inspect-manifest.ts";
import type { Settings } from "./settings.ts";

/** Answers `/v2/<name>/manifests/<tag or digest>` (OCI distribution-spec end-3, end-7, end-9). */
export async function handleManifest(settings: Settings, call: Call): Promise<Reply> {
  const { repository: name = "", reference = "" } = call.route;
  if (reference.includes(":") && !isDigest(reference)) {
    return refuse("DIGEST_INVALID", "provided digest is not valid");
  }
  if (!isDigest(reference) && !isTag(reference)) return refuse("MANIFEST_INVALID", "invalid tag");
  if (call.method === "PUT") return await putManifest(settings, call);
  const repository = settings.storage.find(name);
  if (!repository)
    return refuse("NAME_UNKNOWN", "repository name not known to registry", { detail: { name } });
  const manifest = repository.manifest(reference);
  const { noManifest } = settings.habits.pull;
  if (!manifest) return refusalReply(noManifest, { detail: { reference } });
  switch (call.method) {
    case "GET":
    case "HEAD":
      return serveManifest(settings, call, manifest);
    case "DELETE":
      return deleteManifest(repository, reference);
    default:
      return refuse("UNSUPPORTED", "the operation is unsupported");
  }
}

function serveManifest({ habits }: Settings, { headers: asked }: Call, manifest: StoredManifest): Reply {
  const { digest, mediaType, bytes } = manifest;
  const { needsAccept, charset } = habits.pull;
  if (needsAccept && !asked.accept?.includes(mediaType)) {
    const message = `manifest found, but accept header does not support ${mediaType}`;
    return refuse("MANIFEST_UNKNOWN", message);
  }
  const headers = {
    "content-type": `${mediaType}${charset}`,
    "docker-content-digest": digest,
    etag: `"${digest}"`,
  };
  return { status: 200, headers, body: bytesBody(bytes) };
}

function deleteManifest(repository: Repository, reference: string): Reply {
  if (!isDigest(reference)) {
    repository.tags.delete(reference);
    return replyEmpty(202);
  }
  repository.manifests.delete(reference);
  for (const [tag, digest] of repository.tags) {
    if (digest === reference) repository.tags.delete(tag);
  }
  return replyEmpty(202);
}

async function putManifest(settings: Settings, call: Call): Promise<Reply> {
  const { repository: name = "", reference = "", query } = call.route;
  const { manifests: habits, upload, lists } = settings.habits;
  if (upload.readOnly) return refusalReply(upload.readOnly);
  const bytes = await readBody(call.body, habits.maxBytes);
  if (!bytes) return refuse("SIZE_INVALID", "manifest is too large", { status: 413 });
  const facts = inspectManifest(bytes);
  if (!facts) return refuse("MANIFEST_INVALID", "manifest is not a JSON document of schema version 2");
  const contentType = call.headers["content-type"]?.split(";", 1)[0]?.trim();
  const mediaType = contentType ?? facts.mediaType;
  if (mediaType === undefined || (facts.mediaType !== undefined && facts.mediaType !== mediaType)) {
    return refuse("MANIFEST_INVALID", "content-type does not match the media type of the manifest");
  }
  const tags = query.getAll("tag");
  if (!tags.every(isTag)) return refuse("MANIFEST_INVALID", "invalid tag");
  const repository = settings.storage.repository(name);
  const refusal = refusalOf(settings, { facts, mediaType, isTaken: repository.tags.has(reference) });
  if (refusal) return refusalReply(refusal);
  const missing = settings.checkReferences ? missingReferences(repository, facts) : [];
  if (missing.length > 0) {
    const detail = missing.map((digest) => ({ digest }));
    return refuse("MANIFEST_BLOB_UNKNOWN", "manifest references content unknown to the registry", { detail });
  }
  const digest = storeManifest(repository, { reference, mediaType, bytes, tags });
  if (!digest) return refuse("DIGEST_INVALID", "provided digest did not match uploaded content");
  const isListed = !lists.noReferrers && facts.subject !== undefined;
  return replyEmpty(201, {
    location: `/v2/${name}/manifests/${digest}`,
    "docker-content-digest": digest,
    ...(isListed && { "oci-subject": facts.subject }),
    ...(tags.length > 0 && { "oci-tag": tags }),
  });
}

/** A manifest that is in order, as those see it who refuse some of these. */
interface GoodManifest {
  readonly facts: ManifestFacts;
  readonly mediaType: string;
  /** Whether the tag that it goes to is there already. */
  readonly isTaken: boolean;
}

function refusalOf({ habits }: Settings, { facts, mediaType, isTaken }: GoodManifest): Refusal | undefined {
  const { refusedTypes, immutableTags, needsMediaType } = habits.manifests;
  if (immutableTags && isTaken) return immutableTags;
  if (needsMediaType && facts.mediaType === undefined) return needsMediaType;
  const types = [mediaType, facts.artifactType, facts.configType];
  return refusedTypes.find((refused) => refused.types.some((type) => types.includes(type)));
}

function missingReferences(repository: Repository, facts: ManifestFacts): Digest[] {
  return [
    ...facts.blobs.filter((digest) => !repository.blobs.has(digest)),
    ...facts.manifests.filter((digest) => !repository.manifests.has(digest)),
  ];
}

/** A manifest on its way into a repository. */
interface NewManifest {
  /** Tag or digest to store it under; absent: its own digest only. */
  readonly reference?: string | undefined;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** More tags. */
  readonly tags?: readonly string[];
}

/** Stores any bytes as a manifest. Returns its digest, or `undefined` when `reference` is the digest of other bytes. */
export function storeManifest(repository: Repository, manifest: NewManifest): Digest | undefined {
  const { reference, mediaType, bytes, tags = [] } = manifest;
  const expected = reference !== undefined && isDigest(reference) ? reference : undefined;
  const digest = digestOf(bytes, expected && algorithmOf(expected));
  if (expected !== undefined && expected !== digest) return undefined;
  const { subject, artifactType, annotations } = inspectManifest(bytes) ?? {};
  repository.manifests.set(digest, { digest, mediaType, bytes, subject, artifactType, annotations });
  if (reference !== undefined && expected === undefined) repository.tags.set(reference, digest);
  for (const tag of tags) repository.tags.set(tag, digest);
  return digest;
}
