import { expect, it } from "vitest";
import { unlessExists } from "../../src/content/unless-exists.ts";
import { ErrAlreadyExists, ErrNotFound } from "../../src/errors/classes.ts";

it("unlessExists() gives what the promise gives, and nothing for content that is there already", async () => {
  expect(await unlessExists(Promise.resolve(1))).toBe(1);
  expect(await unlessExists(Promise.reject(new ErrAlreadyExists("content exists")))).toBeUndefined();
});

it("unlessExists() throws every other failure", async () => {
  const failure = new ErrNotFound("no such content");
  await expect(unlessExists(Promise.reject(failure))).rejects.toBe(failure);
});
