import { expect, it } from "vitest";
import { messageOf } from "../../src/errors/message-of.ts";

it.each([
  [new Error("the disk is full"), "the disk is full"],
  ["a text", "a text"],
  [undefined, "undefined"],
])("messageOf() tells what was thrown in words: %j", (thrown, words) => {
  expect(messageOf(thrown)).toBe(words);
});
