import { RECORD_BYTES } from "../tar/tar-header.ts";

/** What fits into a ustar header: bytes of the name, and the largest size in eleven octal digits. */
const MAX_NAME_BYTES = 100;
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
    yield padding(file.size);
  }
  yield Buffer.alloc(2 * RECORD_BYTES);
}

function* extendedHeader({ path, size }: TarFile): Generator<Uint8Array> {
  const records = [
    ...(Buffer.byteLength(path) > MAX_NAME_BYTES ? [paxRecord("path", path)] : []),
    ...(size > MAX_USTAR_SIZE ? [paxRecord("size", String(size))] : []),
  ];
  if (records.length === 0) return;
  const content = Buffer.from(records.join(""));
  yield header("PaxHeader", content.byteLength, "x");
  yield content;
  yield padding(content.byteLength);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (String(length).length + Buffer.byteLength(rest) !== length) length++;
  return `${length}${rest}`;
}

function header(path: string, size: number, type: "0" | "5" | "x"): Uint8Array {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(path, 0, MAX_NAME_BYTES);
  record.write(type === "5" ? "0000755\0" : "0000644\0", 100);
  record.write("0000000\0", 108);
  record.write("0000000\0", 116);
  record.write(`${octal(Math.min(size, MAX_USTAR_SIZE), 11)}\0`, 124);
  record.write(`${octal(0, 11)}\0`, 136);
  record.write(" ".repeat(8), 148); // the checksum counts itself as spaces
  record.write(type, 156);
  record.write("ustar\x0000", 257);
  const checksum = record.reduce((sum, byte) => sum + byte, 0);
  record.write(`${octal(checksum, 6)}\0 `, 148);
  return record;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padding(size: number): Uint8Array {
  return Buffer.alloc((RECORD_BYTES - (size % RECORD_BYTES)) % RECORD_BYTES);
}
