import { expect, it } from "vitest";
import { goDuration } from "../../../src/registry/configuration/go-duration.ts";

it.each([
  ["200ms", 200],
  ["5s", 5_000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  [".5s", 500],
  ["1.s", 1_000],
  ["+2s", 2_000],
  ["0", 0],
  ["0s", 0],
  ["500us", 0.5],
  ["500\u00b5s", 0.5],
  ["500\u03bcs", 0.5],
  ["5", undefined],
  ["", undefined],
  ["-5s", undefined],
  ["5 s", undefined],
  ["5sx", undefined],
  ["s", undefined],
  ["5S", undefined],
  [".s", undefined],
])("goDuration() of %j is %j ms", (text, milliseconds) => {
  expect(goDuration(text)).toBe(milliseconds);
});
