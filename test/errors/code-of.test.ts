import { expect, it } from "vitest";
import { codeOf } from "../../src/errors/code-of.ts";

it.each([
  [Object.assign(new Error("read"), { code: "ECONNRESET" }), "ECONNRESET"],
  [{ code: "EPIPE" }, "EPIPE"],
  [new Error("read"), undefined],
  [{ code: 7 }, undefined],
  ["EPIPE", undefined],
  [null, undefined],
  [undefined, undefined],
])("codeOf() gives the code of what was thrown, when it has one: %j", (thrown, code) => {
  expect(codeOf(thrown)).toBe(code);
});
