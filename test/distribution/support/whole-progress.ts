import { expect } from "vitest";
import type { PlanProgress, Progress } from "../../../src/index.ts";
import type { BuiltImage } from "../../../src/testing.ts";
import { sizeOf } from "./built-image.ts";

/** What was told of an image of two layers that moved as a whole: a plan first, then steps, at last the sum of everything. */
export function expectWhole(told: readonly Progress[], image: BuiltImage): void {
  const plan = told.find(({ kind }) => kind === "plan") as PlanProgress;
  expect(plan.contents.map(({ kind }) => kind)).toEqual(["manifest", "config", "layer", "layer"]);
  expect(plan).toMatchObject({ totalBytes: sizeOf(image), bytesHere: 0 });
  expect(told.indexOf(plan)).toBeLessThan(told.findIndex(({ kind }) => kind === "update"));
  expect(told.findLast(({ kind }) => kind === "summary")).toMatchObject({
    bytesDone: sizeOf(image),
    bytesMoved: sizeOf(image),
    phases: { done: 4 },
  });
}
