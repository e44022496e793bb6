import { type Digest, isDigest } from "../../digest/digest.ts";
import { refusalReply } from "../habits/refusal.ts";
import type { Call, Reply } from "../http/reply.ts";
import type { BlobContent } from "../storage/content.ts";
import type { Settings } from "./settings.ts";
import { created } from "./upload-session.ts";

/** Takes a blob over from another repository (end-11). `undefined` when that cannot be done: a session is the answer. */
export function mount(settings: Settings, call: Call): Reply | undefined {
  const { repository: name = "", query } = call.route;
  const habits = settings.habits.mount;
  const digest = query.get("mount") ?? "";
  if (!isDigest(digest)) return undefined;
  if (habits.refusal) return refusalReply(habits.refusal);
  const content = habits.mounts ? findSource(settings, call, digest) : undefined;
  if (content) {
    settings.storage.repository(name).blobs.set(digest, content);
    return created({ settings, name }, call, digest, habits.namesDigest);
  }
  const from = query.get("from");
  const isMissing = from !== null && settings.storage.find(from) === undefined;
  return habits.noSource && isMissing ? refusalReply(habits.noSource) : undefined;
}

function findSource({ storage, habits }: Settings, { route }: Call, digest: Digest): BlobContent | undefined {
  const { from: rule, sameOwner } = habits.mount;
  const from = route.query.get("from");
  if (rule === "ignored") return storage.findBlob(digest);
  if (from === null) return rule === "needed" ? undefined : storage.findBlob(digest);
  if (sameOwner && ownerOf(from) !== ownerOf(route.repository ?? "")) return undefined;
  return storage.find(from)?.blobs.get(digest);
}

function ownerOf(repository: string): string {
  return repository.split("/", 1)[0] ?? "";
}
