import { create } from "@bufbuild/protobuf";
import { status as Code } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReadContentRequestSchema } from "../../../src/content/grpc/content_pb.ts";
import { contentMethods } from "../../../src/content/grpc/content-methods.ts";
import type { ReaderAt } from "../../../src/content/store.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { RawClient } from "./support/raw-client.ts";
import { type Service, startService } from "./support/service.ts";
import { storeWith } from "./support/store-with.ts";

const MIB = 1_048_576;
const BYTES = pseudoRandom("read", 3 * MIB + 5);
const SIZE = BYTES.byteLength;

let service: Service;
let client: RawClient;
let digest: Digest;

beforeAll(async () => {
  service = await startService();
  client = new RawClient(service.address);
  const writer = await service.store.writer({ ref: "r" });
  await writer.write(BYTES);
  digest = await writer.commit();
});

afterAll(async () => {
  client[Symbol.dispose]();
  await service.dispose();
});

const read = (offset: bigint | number, size: bigint | number, of: string = digest) =>
  client.call(
    contentMethods.read,
    create(ReadContentRequestSchema, { digest: of, offset: BigInt(offset), size: BigInt(size) }),
  );

describe("Read", () => {
  it("sends a blob in pieces of 1 MiB whose offsets start at 0", async () => {
    const { code, messages } = await read(0, 0);
    expect(code).toBe(Code.OK);
    expect(messages.map(({ offset, data }) => [offset, data.byteLength])).toEqual([
      [0n, MIB],
      [BigInt(MIB), MIB],
      [BigInt(2 * MIB), MIB],
      [BigInt(3 * MIB), 5],
    ]);
    expect(Buffer.concat(messages.map(({ data }) => data)).equals(BYTES)).toBe(true);
  });

  it("counts the offsets of a range from its start", async () => {
    const { messages } = await read(100, MIB + 1);
    expect(messages.map(({ offset }) => offset)).toEqual([0n, BigInt(MIB)]);
  });

  it.each([
    ["a negative offset as 0", -5, 10, 0, 10],
    ["a range", 10, 20, 10, 30],
    ["a negative size as the rest", SIZE - 7, -1, SIZE - 7, SIZE],
    ["a size beyond the end as the rest", SIZE - 7, 8, SIZE - 7, SIZE],
    ["a sum beyond 64 bits as the rest", SIZE - 7, 2n ** 63n - 1n, SIZE - 7, SIZE],
    ["the end as nothing", SIZE, 0, SIZE, SIZE],
    ["the end with a size as nothing", SIZE, 10, SIZE, SIZE],
  ])("takes %s", async (_name, offset, size, start, end) => {
    const { code, messages } = await read(offset, size);
    expect(code).toBe(Code.OK);
    expect(Buffer.concat(messages.map(({ data }) => data)).equals(BYTES.subarray(start, end))).toBe(true);
    if (start === end) expect(messages).toEqual([]);
  });

  it.each([BigInt(SIZE + 1), 2n ** 63n - 1n])("refuses the offset %d", async (offset) => {
    expect(await read(offset, 1)).toMatchObject({
      code: Code.OUT_OF_RANGE,
      details: `read past object length ${SIZE} bytes`,
    });
  });

  it("refuses a digest that is none and says what is not there", async () => {
    expect(await read(0, 0, "nonsense")).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: "nonsense: invalid checksum digest format",
    });
    const unknown = digestOf("unknown");
    expect(await read(0, 0, unknown)).toMatchObject({
      code: Code.NOT_FOUND,
      details: `content ${unknown}: not found`,
    });
  });

  it("keeps calls apart that run at once", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 32 }, (_, index) => read(index * 1_000, 2 * MIB)),
    );
    for (const [index, { messages }] of outcomes.entries()) {
      const start = index * 1_000;
      const bytes = Buffer.concat(messages.map(({ data }) => data));
      expect(bytes.equals(BYTES.subarray(start, start + 2 * MIB))).toBe(true);
    }
  });

  it("reads no further ahead than a client that has stopped reading may get to", async () => {
    let furthest = 0;
    const size = 1_024 * MIB;
    const reader: ReaderAt = {
      size,
      async readAt(buffer, offset) {
        furthest = Math.max(furthest, offset + buffer.byteLength);
        return buffer.byteLength;
      },
      async close() {},
      async [Symbol.asyncDispose]() {},
    };
    const endless = storeWith({ readerAt: async () => reader });
    await using large = await startService({ store: endless });
    for await (const _ of large.proxy.stream({ digest })) {
      for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
      break;
    }
    expect(furthest).toBeGreaterThan(MIB);
    expect(furthest).toBeLessThan(40 * MIB);
  });
});
