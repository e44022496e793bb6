import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readHeld, recordHeld } from "../../../src/content/local/parts-file.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "drayage-parts-"));
});
afterEach(() => rmSync(path, { recursive: true }));

/** The sizes of a file that somebody writes to, each time that it is asked for. */
function growing(...sizes: number[]): () => number {
  return () => sizes.shift() ?? expect.unreachable("the size is asked for once more");
}

describe("readHeld()", () => {
  it("believes what is written down of a file that has grown meanwhile", () => {
    const held = { offset: 100, parts: [{ from: 150, to: 200 }] };
    recordHeld(path, held);
    expect(readHeld(path, growing(50, 200))).toMatchObject({ held, isWrittenDown: true });
  });

  it("believes nothing of what the file cannot hold", () => {
    recordHeld(path, { offset: 100, parts: [] });
    expect(readHeld(path, growing(50, 60)).held).toEqual({ offset: 0, parts: [] });
  });

  it("knows of no hole in what there was before anybody told of one", () => {
    const size = growing(50, 200);
    expect(readHeld(path, size)).toEqual({ held: { offset: 50, parts: [] }, isWrittenDown: false });
  });
});
