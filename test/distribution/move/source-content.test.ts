import { describe, expect, it } from "vitest";
import { plainWaiter } from "../../../src/async/waiting.ts";
import { Payers } from "../../../src/bandwidth/payers.ts";
import { type InfoProvider, isStreaming, type Provider } from "../../../src/content/store.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { type BringPassing, SourceContent } from "../../../src/distribution/move/source-content.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../../src/errors.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import type { PushedContent } from "../../../src/remotes/refused-bytes.ts";

const BYTES = Buffer.from("what a registry has");
const BLOB: Descriptor = {
  mediaType: "application/octet-stream",
  digest: digestOf(BYTES),
  size: BYTES.length,
};
const REFUSAL = new ErrInvalidArgument("PUT: 400 Bad Request", { httpStatus: 400 });

const nothing = (): never => {
  throw new ErrNotFound("content: not found");
};
const EMPTY: InfoProvider & Provider = { info: async () => nothing(), readerAt: async () => nothing() };

/** Content that comes as one chunk, and whether it is checked from the start. */
function passing(bytes: Uint8Array, isChecked: boolean): PushedContent {
  const bring: BringPassing = async (blob, stream) => {
    await using writer = await stream.writer({ ref: "one" });
    await writer.write(bytes);
    await writer.commit({ size: blob.size, expected: blob.digest });
  };
  const content = new SourceContent(EMPTY, bring, { isChecked });
  content.has(BLOB);
  return content.passing({ waiter: plainWaiter(), payers: new Payers() });
}

/** Reads so many bytes of it. */
async function read(content: PushedContent, end = BLOB.size): Promise<string> {
  await using reader = await content.readerAt(BLOB);
  const chunks: Uint8Array[] = [];
  if (isStreaming(reader)) for await (const chunk of reader.chunks(0, end)) chunks.push(chunk.slice());
  return Buffer.concat(chunks).toString();
}

const explained = (content: PushedContent): unknown => content.explainRefusal?.(REFUSAL, BLOB, {});

describe("what is refused of content that passes", () => {
  it("passes once more when it was not checked, and is right when it is refused again", async () => {
    const content = passing(BYTES, false);
    expect(await read(content)).toBe(BYTES.toString());
    const doubt = { code: "ERR_DATA_LOSS", digest: BLOB.digest, retryable: true, cause: REFUSAL };
    expect(await explained(content)).toMatchObject(doubt);
    expect(await explained(content)).toBe(REFUSAL); // nothing has passed since
    expect(await read(content)).toBe(BYTES.toString());
    expect(await explained(content)).toBe(REFUSAL);
  });

  it("is not doubted before all of it has passed", async () => {
    const content = passing(BYTES.subarray(0, 4), false);
    expect(await read(content, 4)).toBe("what");
    expect(await explained(content)).toBe(REFUSAL);
  });

  it("is not doubted where it was checked", async () => {
    const content = passing(BYTES, true);
    await read(content);
    expect(await explained(content)).toBe(REFUSAL);
  });

  it("does not pass a second time when it is wrong", async () => {
    const content = passing(Buffer.from(BYTES).fill("x", 0, 1), false);
    expect(await read(content)).toHaveLength(BYTES.length);
    await explained(content);
    await expect(read(content)).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
  });
});
