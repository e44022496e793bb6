import type { Store } from "../../content/store.ts";
import { digestOf } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

const DIGEST = digestOf("content");

/** Arguments that no type lets through, as callers without types give them. */
const WRONG: readonly [keyof Store, readonly unknown[], string][] = [
  ["info", [], 'argument "digest": got undefined'],
  ["info", [null], 'argument "digest": got null'],
  ["info", [{ digest: DIGEST }], 'argument "digest": got an object'],
  ["info", [DIGEST, null], 'argument "options": got null'],
  ["info", [DIGEST, { signal: "now" }], 'argument "options.signal": got a string'],
  ["update", [], 'argument "info": got undefined'],
  ["update", [{ labels: {} }], 'argument "info.digest": got undefined'],
  ["update", [{ digest: DIGEST, labels: { a: 7 } }], 'argument "info.labels["a"]": got 7'],
  ["update", [{ digest: DIGEST, labels: {} }, "labels"], 'argument "fieldpaths": got a string'],
  ["walk", [null], 'argument "options": got null'],
  ["walk", [{ filters: "digest" }], 'argument "options.filters": got a string'],
  ["delete", [], 'argument "digest": got undefined'],
  ["readerAt", [], 'argument "reference": got undefined'],
  ["readerAt", [DIGEST], 'argument "reference": got a string'],
  ["readerAt", [{ digest: DIGEST, size: "1" }], 'argument "reference.size": got a string'],
  ["writer", [], 'argument "options": got undefined'],
  ["writer", ["ref"], 'argument "options": got a string'],
  ["writer", [{}], 'argument "options.ref": got undefined'],
  ["writer", [{ ref: "r", size: Number.NaN }], 'argument "options.size": got NaN'],
  ["writer", [{ ref: "r", expected: 7 }], 'argument "options.expected": got 7'],
  ["status", [], 'argument "ref": got undefined'],
  ["listStatuses", [7], 'argument "options": got 7'],
  ["abort", [null], 'argument "ref": got null'],
];

const wrong = (given: unknown): never => given as never;

/** Whatever a method gives, to its end. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    const given = await call();
    if (typeof given === "object" && given !== null && Symbol.asyncIterator in given) {
      for await (const _ of given as AsyncIterable<unknown>); // nothing is to come
    }
    return given;
  } catch (error) {
    return error;
  }
}

/** Calls of those who have no types. */
export function describeArguments(t: StoreUnderTest): void {
  describe("arguments that cannot be", () => {
    it.each(WRONG)("%s(%j) is refused, and the argument named", async (method, given, said) => {
      const call = t.store[method] as (...all: readonly unknown[]) => unknown;
      const error = await outcomeOf(() => Reflect.apply(call, t.store, given));
      expect(error).toBeInstanceOf(ErrInvalidArgument);
      expect((error as Error).message).toContain(said);
    });

    it("are refused by readers and writers as well, which can then be used on", async () => {
      await using writer = await t.store.writer({ ref: "arguments" });
      expect(await outcomeOf(() => writer.write(wrong("text")))).toBeInstanceOf(ErrInvalidArgument);
      expect(await outcomeOf(() => writer.truncate(wrong(undefined)))).toBeInstanceOf(ErrInvalidArgument);
      const bad = { size: "7" } as never;
      expect(await outcomeOf(() => writer.commit(bad))).toBeInstanceOf(ErrInvalidArgument);
      await writer.write(Buffer.from("content"));
      expect(await writer.commit()).toBe(DIGEST);

      await using reader = await t.store.readerAt({ digest: DIGEST });
      expect(await outcomeOf(() => reader.readAt(wrong("text"), 0))).toBeInstanceOf(ErrInvalidArgument);
      expect(await outcomeOf(() => reader.readAt(Buffer.alloc(1), -1))).toBeInstanceOf(ErrInvalidArgument);
      expect(await reader.readAt(Buffer.alloc(7), 0)).toBe(7);
    });
  });
}
