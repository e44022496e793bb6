import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nowNs } from "../../../src/async/wall-clock.ts";
import { fileTime, stampNow } from "../../../src/content/local/blob-times.ts";

let directory: string;
let path: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "blob-times-"));
  path = join(directory, "file");
  writeFileSync(path, "");
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the file system keeps of a time. */
function kept(seconds: number): bigint {
  utimesSync(path, seconds, seconds);
  return statSync(path, { bigint: true }).mtimeNs;
}

describe("fileTime()", () => {
  it("is read back in the same microsecond, however often it is written again", () => {
    const times = fc.bigInt({ min: 1_000_000_000_000_000_000n, max: 4_000_000_000_000_000_000n });
    const property = fc.property(times, (timeNs) => {
      const once = kept(fileTime(timeNs));
      expect(once / 1_000n).toBe(timeNs / 1_000n);
      expect(kept(fileTime(once))).toBe(once);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe("stampNow()", () => {
  it("is read back as no earlier than it was made, and hardly later", () => {
    for (let round = 0; round < 500; round++) {
      const before = nowNs();
      const seconds = stampNow();
      const after = nowNs();
      const stamp = kept(seconds);
      expect(stamp).toBeGreaterThanOrEqual(before);
      expect(stamp).toBeLessThan(after + 2_000n);
    }
  });
});
