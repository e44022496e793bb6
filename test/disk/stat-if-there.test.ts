import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { statIfThere } from "../../src/disk/stat-if-there.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-stat-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("statIfThere()", () => {
  it("tells what is there from what is not, also below what is not", async () => {
    await writeFile(join(directory, "file"), "seven b");
    expect(statIfThere(join(directory, "file"))?.size).toBe(7n);
    expect(statIfThere(join(directory, "missing"))).toBeUndefined();
    expect(statIfThere(join(directory, "missing", "below"))).toBeUndefined();
  });

  it("throws where what is above is no directory", async () => {
    await writeFile(join(directory, "file"), "");
    expect(() => statIfThere(join(directory, "file", "below"))).toThrow("ENOTDIR");
  });
});
