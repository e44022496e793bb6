import { describe, expect, it } from "vitest";
import { ErrAborted, ErrNotFound } from "../../../src/errors/classes.ts";
import { expect as claim } from "../../../src/testing/store-contract/expect.ts";

const SAME = { a: 1, b: [{ c: Buffer.from("bytes") }] };

/** What each claim is made of: a value of which it is so, and others of which it is not. */
const CLAIMS: readonly [string, (value: unknown) => void, unknown, readonly unknown[]][] = [
  ["toBe", (value) => claim(value).toBe(SAME), SAME, [{ ...SAME }, 1, undefined]],
  [
    "toEqual",
    (value) => claim(value).toEqual({ a: 1, b: [{ c: new Uint8Array(Buffer.from("bytes")), d: undefined }] }),
    SAME,
    [{ a: 1 }, { ...SAME, more: 1 }, { a: 1, b: [{ c: Buffer.from("other") }] }, { ...SAME, a: 1n }, "a"],
  ],
  [
    "toMatchObject",
    (value) => claim(value).toMatchObject({ b: [{ c: Buffer.from("bytes") }] }),
    SAME,
    [{ a: 1 }, { b: [] }, { b: [{}] }, { b: [...SAME.b, 1] }, undefined, "b"],
  ],
  ["toBeInstanceOf", (value) => claim(value).toBeInstanceOf(ErrAborted), new ErrAborted(""), [new Error("")]],
  ["toBeUndefined", (value) => claim(value).toBeUndefined(), undefined, [null, 0]],
  ["toBeLessThan", (value) => claim(value).toBeLessThan(2), 1, [2, 3, "1", undefined]],
  ["toBeLessThanOrEqual", (value) => claim(value).toBeLessThanOrEqual(2n), 2n, [3n, "1"]],
  ["toBeGreaterThanOrEqual", (value) => claim(value).toBeGreaterThanOrEqual(2), 2, [1, Number.NaN]],
  ["toContain of a list", (value) => claim(value).toContain(1), [1, 2], [[2], [], 1, undefined]],
  ["toContain of a text", (value) => claim(value).toContain("b"), "abc", ["ac", 1]],
  ["toHaveLength", (value) => claim(value).toHaveLength(2), "ab", ["a", [], undefined]],
  ["toLack", (value) => claim(value).toLack("a"), { b: 1 }, [SAME]],
];

const REJECTIONS: readonly [string, (value: unknown) => Promise<void>, unknown, readonly unknown[]][] = [
  ["a class", (value) => claim(value).rejects.toThrow(ErrNotFound), failing(), [wrong(), fine()]],
  ["words", (value) => claim(value).rejects.toThrow("not here"), failing(), [wrong(), fine()]],
  ["a pattern", (value) => claim(value).rejects.toThrow(/^not/), failing(), [wrong(), fine()]],
  [
    "properties",
    (value) => claim(value).rejects.toMatchObject({ code: "ERR_NOT_FOUND" }),
    failing(),
    [wrong(), fine()],
  ],
];

function failing(): () => Promise<never> {
  return () => Promise.reject(new ErrNotFound("not here"));
}

function wrong(): () => Promise<never> {
  return () => Promise.reject(new ErrAborted("elsewhere"));
}

function fine(): () => Promise<number> {
  return () => Promise.resolve(1);
}

describe("expect() of the store contract", () => {
  it.each(CLAIMS)("%s is content with what is so, and throws for what is not", (_, say, so, others) => {
    say(so);
    for (const other of others) expect(() => say(other), String(other)).toThrow();
  });

  it.each(REJECTIONS)("rejects by %s", async (_, say, so, others) => {
    await say(so);
    for (const other of others) await expect(say(other)).rejects.toThrow();
  });
});
