/** An entry of a test archive, as it is to stand in its header. Names are bytes, one character each. */
export interface WrittenEntry {
  readonly name: string;
  /** Type flag; default a regular file. */
  readonly flag?: string;
  readonly content?: Uint8Array | string;
  /** Size that the header claims; default that of the content. */
  readonly size?: number;
  readonly linkName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** Keys and values of a pax header in front of it, as bytes. A list may have a key more than once. */
  readonly pax?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  /** Last changes of the header, before its checksum is made. */
  readonly change?: (header: Buffer) => void;
}

/** A tar archive of these entries, whatever sense they make; names longer than a header's field get a pax header. */
export function writeTestTar(entries: readonly WrittenEntry[], end = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...entries.flatMap(recordsOf), end]);
}

/** One entry without the end of an archive behind it. */
export function recordsOf(entry: WrittenEntry): Buffer[] {
  const { name, linkName = "", pax = {} } = entry;
  const records = Array.isArray(pax) ? [...pax] : Object.entries(pax as Record<string, string>);
  if (name.length > 100) records.push(["path", name]);
  if (linkName.length > 100) records.push(["linkpath", linkName]);
  const content = bytesOf(entry.content ?? "");
  const extension = records.map(([key, value]) => paxRecord(key, value)).join("");
  const before =
    records.length === 0
      ? []
      : recordsOf({ name: "PaxHeaders/x", flag: "x", content: Buffer.from(extension, "latin1") });
  return [...before, headerOf({ size: content.byteLength, ...entry }), padded(content)];
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}

/** The header alone. */
export function headerOf(entry: WrittenEntry): Buffer {
  const header = Buffer.alloc(512);
  header.write(entry.name.slice(0, 100), 0, "latin1");
  header.write(octal(entry.mode ?? 0o644, 7), 100);
  writeNumber(header, { at: 108, length: 8, value: entry.uid ?? 0 });
  writeNumber(header, { at: 116, length: 8, value: entry.gid ?? 0 });
  writeNumber(header, { at: 124, length: 12, value: entry.size ?? 0 });
  writeNumber(header, { at: 136, length: 12, value: entry.mtime ?? 0 });
  header.write(entry.flag ?? "0", 156, "latin1");
  header.write((entry.linkName ?? "").slice(0, 100), 157, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  header.write(octal(entry.major ?? 0, 7), 329);
  header.write(octal(entry.minor ?? 0, 7), 337);
  entry.change?.(header);
  return withChecksum(header);
}

/** Makes the checksum of a header good again. */
export function withChecksum(header: Buffer): Buffer {
  header.write(" ".repeat(8), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return header;
}

function writeNumber(header: Buffer, field: { at: number; length: number; value: number }): void {
  const { at, length, value } = field;
  if (value >= 0 && value < 8 ** (length - 1)) {
    header.write(octal(value, length - 1), at);
    return;
  }
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  header.fill(value < 0 ? 0xff : 0, at, at + length);
  for (let byte = at + length - 1; byte >= Math.max(at, at + length - 8); byte--) {
    header[byte] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  header[at] = value < 0 ? 0xff : 0x80 | (header[at] ?? 0);
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.byteLength % 512)) % 512)]);
}

function bytesOf(content: Uint8Array | string): Buffer {
  return typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
