import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReadAhead } from "../../../src/content/grpc/read-ahead.ts";
import type { ReaderAt } from "../../../src/content/store.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";

const KIB = 1_024;
const BYTES = pseudoRandom("ahead", 1_000 * KIB);

/** The bytes, and how often they are asked for. */
class Source implements ReaderAt {
  readonly size = BYTES.byteLength;
  reads = 0;
  closed = 0;
  failure: Error | undefined;

  async readAt(buffer: Uint8Array, offset: number): Promise<number> {
    this.reads++;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failure) throw this.failure;
    const part = BYTES.subarray(offset, offset + buffer.byteLength);
    buffer.set(part);
    return part.byteLength;
  }

  async close(): Promise<void> {
    this.closed++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function read(reader: ReaderAt, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, await reader.readAt(buffer, offset));
}

describe("ReadAhead", () => {
  it("gives the same bytes as the reader, whatever is read at once and in whatever order", async () => {
    const range = fc.record({
      offset: fc.integer({ min: 0, max: BYTES.byteLength + 10 }),
      length: fc.oneof(fc.integer({ min: 0, max: 40 * KIB }), fc.integer({ min: 0, max: 600 * KIB })),
      parts: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 5 }), async (ranges) => {
        const reader = new ReadAhead(new Source());
        const checks = ranges.map(async ({ offset, length, parts }) => {
          for (let part = 0; part < parts; part++) {
            const at = offset + part * length;
            expect((await read(reader, at, length)).equals(BYTES.subarray(at, at + length))).toBe(true);
          }
        });
        await Promise.all(checks);
      }),
      { numRuns: 60 },
    );
  });

  it("reads once for eight small reads that follow each other", async () => {
    const source = new Source();
    const reader = new ReadAhead(source);
    for (let at = 0; at < 800 * KIB; at += 32 * KIB) await read(reader, at, 32 * KIB);
    expect(source.reads).toBe(1 + 3); // the first one could have been the only one
  });

  it("does not read ahead of large reads and of scattered ones", async () => {
    const source = new Source();
    const reader = new ReadAhead(source);
    for (const at of [0, 500, 100, 700]) await read(reader, at * KIB, 32 * KIB);
    for (const at of [0, 256, 512]) await read(reader, at * KIB, 256 * KIB);
    expect(source.reads).toBe(7);
  });

  it("tells of a failure, and reads again after it", async () => {
    const source = new Source();
    const reader = new ReadAhead(source);
    await read(reader, 0, KIB);
    source.failure = new Error("disk");
    await expect(read(reader, KIB, KIB)).rejects.toThrow("disk");
    source.failure = undefined;
    expect((await read(reader, 2 * KIB, KIB)).equals(BYTES.subarray(2 * KIB, 3 * KIB))).toBe(true);
  });

  it("closes the reader", async () => {
    const source = new Source();
    await using _ = new ReadAhead(source);
    await new ReadAhead(source).close();
    expect(source.closed).toBe(1);
  });
});
