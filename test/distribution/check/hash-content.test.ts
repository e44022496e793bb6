import { expect, it } from "vitest";
import type { Store } from "../../../src/content.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { startOperation } from "../../../src/distribution/api/operation.ts";
import { hashContent } from "../../../src/distribution/check/hash-content.ts";
import { ErrResourceExhausted } from "../../../src/errors.ts";

it("hashContent() goes on with nothing once reading has failed for a reason that is not about one blob", async () => {
  const digests = Array.from({ length: 10 }, (_, index) => digestOf(`blob ${index}`));
  const failure = new ErrResourceExhausted("open blob: too many open files");
  const opened: string[] = [];
  const content = {
    async *walk() {
      for (const digest of digests) yield { digest, size: 6 };
    },
    async readerAt({ digest }: { readonly digest: string }) {
      opened.push(digest);
      throw failure;
    },
  } as unknown as Store;

  await expect(hashContent(content, startOperation({}))).rejects.toBe(failure);

  const before = opened.length;
  await new Promise((resolve) => setImmediate(resolve));
  expect(opened).toHaveLength(before);
  expect(before).toBeLessThanOrEqual(4);
});
