import { type Digest, isDigest } from "../../digest/digest.ts";
import { type HintOptions, readHint } from "../../disk/hint-file.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";

/** What is known of a layer beside its files. It is written before others can see the layer, and never changed. */
export interface LayerRecord {
  readonly chainId: Digest;
  readonly diffId: Digest;
  /** Chain ID of the layer below; absent for the lowest. */
  readonly parent?: Digest | undefined;
  /** Digest of the blob that it was unpacked from, when that was told. */
  readonly blob?: Digest | undefined;
  /** Number of entries in the layer's archive. */
  readonly entries: number;
  /** Bytes of its files. */
  readonly bytes: number;
  /** In which start of the machine it was made; empty where that is not known. */
  readonly boot: string;
  /** In which form its files show what it hides: see `HostAbilities.overlay`. */
  readonly overlay: HostAbilities["overlay"];
  /** What of the archive this host could not make, in words; empty when everything is there. */
  readonly missing: readonly string[];
}

/** Longest record that is read, in bytes: four digests, two numbers, and some names of 4 KiB at most. */
const MAX_RECORD_BYTES = 256 * 1024;

const RECORD: HintOptions<LayerRecord> = {
  action: "read layer record",
  maxBytes: MAX_RECORD_BYTES,
  isHint: isRecord,
};

/**
 * The record at `path` if it is that of the layer `chainId`; `undefined` for one that is missing, damaged or another's: then
 * there is no such layer. Throws the classes of `diskError`.
 */
export async function readLayerRecord(path: string, chainId: Digest): Promise<LayerRecord | undefined> {
  const record = await readHint(path, RECORD);
  return record?.chainId === chainId ? record : undefined;
}

/** Throws the classes of `diskError`. */
export async function writeLayerRecord(path: string, record: LayerRecord): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(record)}\n`);
}

function isRecord(value: unknown): value is LayerRecord {
  if (typeof value !== "object" || value === null) return false;
  const { chainId, diffId, parent, blob, entries, bytes, boot, overlay, missing } = value as Record<
    keyof LayerRecord,
    unknown
  >;
  return (
    isDigestText(chainId) &&
    isDigestText(diffId) &&
    (parent === undefined || isDigestText(parent)) &&
    (blob === undefined || isDigestText(blob)) &&
    Number.isSafeInteger(entries) &&
    Number.isSafeInteger(bytes) &&
    typeof boot === "string" &&
    (overlay === "trusted" || overlay === "user" || overlay === "none") &&
    Array.isArray(missing) &&
    missing.every((one) => typeof one === "string")
  );
}

function isDigestText(value: unknown): boolean {
  return typeof value === "string" && isDigest(value);
}
