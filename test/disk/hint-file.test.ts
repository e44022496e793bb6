import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HintOptions, readHint, removeHint } from "../../src/disk/hint-file.ts";

const HINT: HintOptions<string> = {
  action: "read hint",
  maxBytes: 16,
  isHint: (value) => typeof value === "string",
};

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-"));
  path = join(folder, "hint");
});

afterEach(() => rm(folder, { recursive: true }));

describe("readHint()", () => {
  it("gives what was written", async () => {
    await writeFile(path, '"remembered"');
    expect(await readHint(path, HINT)).toBe("remembered");
  });

  it.each([
    ["half of one", '"remem'],
    ["something else", "12"],
    ["one that is too long", JSON.stringify("x".repeat(15))],
    ["an empty file", ""],
  ])("knows nothing of %s", async (_what, text) => {
    await writeFile(path, text);
    expect(await readHint(path, HINT)).toBeUndefined();
  });

  it("knows nothing where there is no file", async () => {
    expect(await readHint(path, HINT)).toBeUndefined();
  });

  it("refuses what is no file", async () => {
    await mkdir(path);
    await expect(readHint(path, HINT)).rejects.toMatchObject({ name: "ErrInvalidArgument" });
  });
});

describe("removeHint()", () => {
  it.each([
    ["a hint", () => writeFile(path, "1")],
    ["a folder in its place", () => mkdir(join(path, "below"), { recursive: true })],
    ["nothing", async () => undefined],
  ])("takes away %s", async (_what, make) => {
    await make();
    await removeHint("forget hint", path);
    expect(await readdir(folder)).toEqual([]);
  });
});
