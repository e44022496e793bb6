/**
 * A compression that is told by its first bytes: RFC 1952 section 2.3.1, RFC 8878 section 3.1.1, the format descriptions of xz
 * (section 2.1.1.1) and of bzip2.
 */
export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

const MAGIC: ReadonlyArray<readonly [Compression, readonly number[]]> = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** How many first bytes are enough to tell the compression. */
export const HEAD_BYTES = 6;

/** The compression of content that starts with `head`. A skippable frame of zstd is a frame like others. */
export function compressionOf(head: Uint8Array): Compression {
  if (isSkippableFrame(head)) return "zstd";
  return MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? "none";
}

/** Whether a frame of zstd begins that holds no content: pzstd and zstd:chunked have them in front, between and behind. */
function isSkippableFrame(head: Uint8Array): boolean {
  const [first = 0, ...rest] = head.subarray(0, 4);
  return (first & 0xf0) === 0x50 && rest[0] === 0x2a && rest[1] === 0x4d && rest[2] === 0x18;
}
