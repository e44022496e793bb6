import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  fileContent,
  generatedContent,
  memoryContent,
  seededBytes,
} from "../../../src/testing/storage/content.ts";
import { collect } from "../wire.ts";

const SIZE = 200_003;
const bytes = Buffer.from(seededBytes("content")(0, SIZE));

describe("seededBytes()", () => {
  it("gives the same bytes however they are asked for", () => {
    const generate = seededBytes("content");
    fc.assert(
      fc.property(fc.nat(SIZE), fc.nat(3000), (offset, length) => {
        const end = Math.min(SIZE, offset + length);
        expect(Buffer.from(generate(offset, end - offset))).toEqual(bytes.subarray(offset, end));
      }),
    );
  });

  it("gives other bytes for another seed", () => {
    expect(seededBytes("a")(0, 64)).not.toEqual(seededBytes("b")(0, 64));
  });

  it("reaches offsets beyond 4 GiB without repeating itself", () => {
    const generate = seededBytes("far");
    expect(generate(2 ** 36, 32)).not.toEqual(generate(0, 32));
    expect(Buffer.from(generate(2 ** 36 + 7, 9))).toEqual(Buffer.from(generate(2 ** 36, 16).subarray(7)));
  });
});

describe("BlobContent", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "drayage-content-"));
    await writeFile(join(directory, "blob"), bytes);
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.each([
    ["memoryContent()", () => memoryContent(bytes)],
    ["fileContent()", () => fileContent(join(directory, "blob"), SIZE)],
    ["generatedContent()", () => generatedContent({ size: SIZE, generate: seededBytes("content") })],
  ])("reads any part when made by %s", async (_, make) => {
    const content = make();
    expect(content.size).toBe(SIZE);
    for (const [start, end] of [
      [0, SIZE],
      [0, 0],
      [SIZE, SIZE],
      [1, 2],
      [65_535, 65_537],
      [SIZE - 1, SIZE],
    ] as const) {
      expect(await collect(content.read(start, end))).toEqual(bytes.subarray(start, end));
    }
  });
});
