import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { systemClock } from "../../async/clock.ts";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { type HintOptions, readHint, removeHint } from "../../disk/hint-file.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { isTemporary, sweepTemporaryFiles } from "../../disk/temporary-files.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";

/** What a layer of version 1 turned out to be. */
export interface V1LayerContent {
  readonly mediaType: string;
  /** Digest of the uncompressed layer. */
  readonly diffId: Digest;
  /** Whether there is nothing in it: then no image has it as a layer. */
  readonly isEmpty: boolean;
  /** Digest of the document about its image, a newline and the layer: what checksums are about. */
  readonly sum: Digest;
}

/** What is known of a layer of version 1. */
export interface V1LayerRecord {
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  /** Absent until the layer was read through. */
  readonly content?: V1LayerContent | undefined;
}

/** Age up to which a file stays that only its age tells anything about, in milliseconds: longer than any pull takes. */
const UNCERTAIN_KEPT_MS = 24 * 60 * 60 * 1000;

/** Longest file read, in bytes: three digests, a media type and room to spare. */
const MAX_FILE_BYTES = 8 * 1024;

const RECORD: HintOptions<V1LayerRecord> = {
  action: "read layer record",
  maxBytes: MAX_FILE_BYTES,
  isHint: isRecord,
};

const FORGET = "forget layer";

/**
 * Remembers which content a layer of version 1 is, in one small file per layer (moby's `V1IDService`): version 1 has no
 * digests. What is not understood is not known, which costs a download.
 */
export class V1LayerStore {
  readonly #root: string;

  /** @param root the data root; `<root>/v1-layers` is made with the first layer */
  constructor(root: string) {
    this.#root = join(root, "v1-layers");
  }

  /** What is known of a layer; whether its content is still there is another question. Throws the classes of `diskError`. */
  async find(key: string, { signal }: AbortOptions = {}): Promise<V1LayerRecord | undefined> {
    throwIfAborted(signal);
    return await readHint(this.#path(key), RECORD);
  }

  /** Remembers a layer, in the place of what was known of it. */
  async remember(key: string, { digest, size, content }: V1LayerRecord): Promise<void> {
    await makeDirectory(this.#root);
    await writeFileAtomic(this.#path(key), JSON.stringify({ digest, size, content }), { isHint: true });
  }

  /** Forgets a layer that turned out to be another one. */
  async forget(key: string): Promise<void> {
    await removeHint(FORGET, this.#path(key));
  }

  /**
   * Forgets layers whose content is not here, and removes what killed processes left. Two kinds of files go by their age: of
   * empty layers there is no content, and a pull may be about to make use of what is known; and in the place of what cannot
   * be understood another process may be about to put what can.
   */
  async prune(isHere: (digest: Digest) => Promise<boolean>): Promise<void> {
    await sweepTemporaryFiles(this.#root);
    for (const name of await readdir(this.#root).catch(() => [])) {
      if (isTemporary(name)) continue;
      const path = join(this.#root, name);
      const record = await readHint(path, RECORD).catch(() => undefined); // a folder or a pipe is no record either
      const isUncertain = record === undefined || record.content?.isEmpty;
      const isKept = isUncertain ? await isYoung(path) : await isHere(record.digest);
      if (!isKept) await removeHint(FORGET, path);
    }
  }

  #path(key: string): string {
    return join(this.#root, createHash("sha256").update(key).digest("hex"));
  }
}

async function isYoung(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return systemClock.now() - mtimeMs < UNCERTAIN_KEPT_MS;
}

function isRecord(value: unknown): value is V1LayerRecord {
  if (typeof value !== "object" || value === null) return false;
  const { digest, size, content } = value as Partial<Record<keyof V1LayerRecord, unknown>>;
  const isContentKnown = content === undefined || isContent(content);
  return isDigest(digest as string) && Number.isSafeInteger(size) && isContentKnown;
}

function isContent(value: unknown): value is V1LayerContent {
  if (typeof value !== "object" || value === null) return false;
  const { mediaType, diffId, isEmpty, sum } = value as Partial<Record<keyof V1LayerContent, unknown>>;
  const isTyped = typeof mediaType === "string" && typeof isEmpty === "boolean";
  return isTyped && isDigest(diffId as string) && isDigest(sum as string);
}
