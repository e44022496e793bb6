import { formatTarHeader, MAX_NAME_BYTES, paddingFor, paxRecord } from "../tar/format-tar-header.ts";
import { RECORD_BYTES } from "../tar/tar-header.ts";

/** The largest size that fits into a ustar header, in eleven octal digits. */
const MAX_USTAR_SIZE = 0o77777777777;

/** One entry to write: a file, or a directory when its path ends in a slash. */
export interface TarFile {
  readonly path: string;
  /** Size of the content in bytes. */
  readonly size: number;
  /** Exactly `size` bytes. */
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * A tar archive whose bytes depend on its entries only: time 0, owner 0, mode 0644 (directories 0755). Ustar, with a pax header
 * where a path or size is too long for it. Nothing runs ahead: the next chunk is read when it is asked for.
 */
export async function* writeTar(files: Iterable<TarFile>): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    yield* extendedHeader(file);
    yield header(file.path, file.size, file.path.endsWith("/") ? "5" : "0");
    yield* file.content;
    yield paddingFor(file.size);
  }
  yield Buffer.alloc(2 * RECORD_BYTES);
}

function* extendedHeader({ path, size }: TarFile): Generator<Uint8Array> {
  const name = byteString(path);
  const records = [
    ...(name.length > MAX_NAME_BYTES ? [paxRecord("path", name)] : []),
    ...(size > MAX_USTAR_SIZE ? [paxRecord("size", String(size))] : []),
  ];
  if (records.length === 0) return;
  const content = Buffer.from(records.join(""), "latin1");
  yield header("PaxHeader", content.byteLength, "x");
  yield content;
  yield paddingFor(content.byteLength);
}

function header(path: string, size: number, type: "0" | "5" | "x"): Uint8Array {
  const mode = type === "5" ? 0o755 : 0o644;
  return formatTarHeader({ name: byteString(path), type, mode, size: Math.min(size, MAX_USTAR_SIZE) });
}

function byteString(text: string): string {
  return Buffer.from(text).toString("latin1");
}
