import type { GeneratedBytes } from "../storage/content.ts";

/** Size of a tar record: header and padding come in these (POSIX pax, "ustar Interchange Format"). */
const RECORD_BYTES = 512;

/** Bytes taken from a file's rule at once. */
const CHUNK_BYTES = 256 * 1024;

/** A regular file for a tar archive. */
export interface TarFile extends GeneratedBytes {
  /** Path inside the archive, at most 100 bytes long. */
  readonly name: string;
}

/** A ustar archive of regular files, mode 0644, owned by root, from the epoch: the same bytes each time. */
export async function* writeTar(files: readonly TarFile[]): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    yield header(file.name, file.size);
    for (let offset = 0; offset < file.size; offset += CHUNK_BYTES) {
      yield file.generate(offset, Math.min(CHUNK_BYTES, file.size - offset));
    }
    yield Buffer.alloc((RECORD_BYTES - (file.size % RECORD_BYTES)) % RECORD_BYTES);
  }
  yield Buffer.alloc(2 * RECORD_BYTES);
}

function header(name: string, size: number): Uint8Array {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(name, 0, 100);
  record.write("0000644\0", 100);
  record.write("0000000\0", 108);
  record.write("0000000\0", 116);
  record.write(`${octal(size, 11)}\0`, 124);
  record.write(`${octal(0, 11)}\0`, 136);
  record.write(" ".repeat(8), 148); // the checksum counts itself as spaces
  record.write("0", 156);
  record.write("ustar\x0000", 257);
  const checksum = record.reduce((sum, byte) => sum + byte, 0);
  record.write(`${octal(checksum, 6)}\0 `, 148);
  return record;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
