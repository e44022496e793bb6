import { expect, test } from "vitest";
import { statusWords } from "../../../src/registry/http/status-words.ts";

test("a status is shown with its words", () => {
  expect(statusWords(404)).toBe("404 Not Found");
});

test("a status that HTTP does not know is shown as a number", () => {
  expect(statusWords(799)).toBe("799");
});
