/** A regular file or, with a name that ends in a slash, a directory. */
export interface TarEntry {
  readonly name: string;
  /** Size of the content in bytes; absent for directories. */
  readonly size?: number;
  /** The content, exactly `size` bytes. */
  readonly content?: Iterable<Buffer>;
}

const BLOCK_BYTES = 512;

/** Writes a ustar archive (POSIX.1-1988) whose bytes depend on nothing but the entries: owner 0:0, time 0. */
export function* tar(entries: Iterable<TarEntry>): Generator<Buffer> {
  for (const { name, size = 0, content = [] } of entries) {
    yield header(name, size);
    yield* content;
    yield Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function header(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > 100)
    throw new Error(`Cannot write tar entry: name longer than 100 bytes: ${name}`);
  const directory = name.endsWith("/");
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0);
  block.write(directory ? "0000755\0" : "0000644\0", 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.fill(" ", 148, 156);
  block.write(directory ? "5" : "0", 156);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** `value` in octal digits and a NUL that fill a field of `width` bytes. */
function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}
