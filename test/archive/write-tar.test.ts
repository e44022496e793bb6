import { once } from "node:events";
import fc from "fast-check";
import { extract } from "tar-stream";
import { describe, expect, it } from "vitest";
import { type TarFile, writeTar } from "../../src/archive/write-tar.ts";

function fileOf(path: string, bytes: Uint8Array): TarFile {
  return { path, size: bytes.byteLength, content: [bytes] };
}

async function written(files: readonly TarFile[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(files)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The entries by another implementation. */
async function readBack(bytes: Buffer) {
  const archive = extract();
  archive.end(bytes);
  const read: { name: string; type: string; mode: number; content: Buffer }[] = [];
  for await (const entry of archive) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    const { name, type, mode, mtime, uid, gid, uname, gname } = entry.header;
    expect([mtime.getTime(), uid, gid, uname, gname]).toEqual([0, 0, 0, "", ""]);
    read.push({ name, type, mode, content: Buffer.concat(chunks) });
  }
  return read;
}

describe("writeTar()", () => {
  it("writes what others read", async () => {
    const path = fc.stringMatching(/^[a-z0-9]{1,40}(?:\/[a-zé0-9.]{1,80}){0,3}$/);
    const file = fc.record({ path, bytes: fc.uint8Array({ maxLength: 1500 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(file, { maxLength: 5 }), async (files) => {
        const bytes = await written(files.map((one) => fileOf(one.path, one.bytes)));
        expect(bytes.length % 512).toBe(0);
        const expected = files.map((one) => ({
          name: one.path,
          type: "file",
          mode: 0o644,
          content: Buffer.from(one.bytes),
        }));
        expect(await readBack(bytes)).toEqual(expected);
      }),
    );
  });

  it("writes directories, and paths that are too long for an old header", async () => {
    const long = `blobs/sha512/${"ab".repeat(64)}`;
    const files = [{ path: "blobs/", size: 0, content: [] }, fileOf(long, Buffer.from("x"))];
    expect(await readBack(await written(files))).toEqual([
      { name: "blobs/", type: "directory", mode: 0o755, content: Buffer.alloc(0) },
      { name: long, type: "file", mode: 0o644, content: Buffer.from("x") },
    ]);
  });

  it("writes the size of a file that is too large for an old header", async () => {
    const size = 9 * 1024 ** 3;
    const headers: Uint8Array[] = [];
    for await (const chunk of writeTar([{ path: "big", size, content: [] }])) headers.push(chunk);
    const archive = extract();
    archive.write(Buffer.concat(headers.slice(0, 4)));
    const [header] = await once(archive, "entry");
    expect(header).toMatchObject({ name: "big", size });
    archive.destroy();
  });

  it("reads nothing ahead", async () => {
    let read = 0;
    async function* content(): AsyncGenerator<Uint8Array> {
      for (; read < 100; read++) yield Buffer.alloc(512);
    }
    const archive = writeTar([{ path: "x", size: 51_200, content: content() }]);
    await archive.next();
    expect(read).toBe(0);
    await archive.next();
    await archive.next();
    expect(read).toBe(1);
    await archive.return(undefined);
  });
});
