import { type Header, pack } from "tar-stream";

/** An entry of a test archive: a file by its bytes, or anything else by its header. */
export interface TestEntry {
  readonly name: string;
  readonly bytes?: Uint8Array | string | undefined;
  readonly type?: Header["type"] | undefined;
  readonly linkname?: string | undefined;
  /** Keys of a pax header. */
  readonly pax?: Readonly<Record<string, string>> | undefined;
}

/** A tar archive of the entries, whatever they are. */
export async function tarOf(entries: readonly TestEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { bytes, ...header } of entries) {
    const content = typeof bytes === "string" ? Buffer.from(bytes) : (bytes ?? Buffer.alloc(0));
    const known = Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined));
    archive.entry({ ...known, name: header.name, size: content.byteLength }, content);
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** The archive in pieces of `size` bytes, each its own memory, as a stream brings them. */
export async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}
