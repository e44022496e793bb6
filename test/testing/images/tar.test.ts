import { describe, expect, it } from "vitest";
import { type TarFile, writeTar } from "../../../src/testing/images/tar.ts";
import { collect } from "../wire.ts";

function file(name: string, content: Buffer): TarFile {
  const generate = (offset: number, length: number) => content.subarray(offset, offset + length);
  return { name, size: content.byteLength, generate };
}

describe("writeTar()", () => {
  it.each([0, 1, 511, 512, 513, 600_000])("writes a file of %i bytes in whole records", async (size) => {
    const content = Buffer.alloc(size, "x");
    const archive = await collect(writeTar([file("some/name", content)]));
    expect(archive.subarray(0, 9).toString()).toBe("some/name");
    expect(Number.parseInt(archive.subarray(124, 135).toString(), 8)).toBe(size);
    expect(archive.subarray(257, 265).toString("latin1")).toBe("ustar\x0000");
    expect(archive.subarray(512, 512 + size)).toEqual(content);
    expect(archive.byteLength).toBe(512 + Math.ceil(size / 512) * 512 + 1024);
  });

  it("writes the checksum that the header has with spaces in its place", async () => {
    const archive = await collect(writeTar([file("a", Buffer.from("b"))]));
    const header = Buffer.from(archive.subarray(0, 512));
    const written = Number.parseInt(header.subarray(148, 154).toString(), 8);
    header.fill(" ", 148, 156);
    expect(header.reduce((sum, byte) => sum + byte, 0)).toBe(written);
  });

  it("writes several files one after the other", async () => {
    const archive = await collect(writeTar([file("a", Buffer.from("1")), file("b", Buffer.from("2"))]));
    expect(archive.subarray(1024, 1025).toString()).toBe("b");
    expect(archive.subarray(1536, 1537).toString()).toBe("2");
  });
});
