import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeDirectory, makeLockDirectory } from "../../src/disk/make-directory.ts";
import { mountSmallDisk } from "../content/support/small-disk.ts";
import { describeWithMounts } from "../distribution/support/describe-with-mounts.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

it("makes what is missing, and says where it began", async () => {
  expect(await makeDirectory(join(root, "a/b/c"), { mode: 0o700 })).toBe(join(root, "a"));
  expect((await stat(join(root, "a/b/c"))).mode & 0o777).toBe(0o700);
  expect(await makeDirectory(join(root, "a/b/c"))).toBeUndefined();
});

it("names a file in the way", async () => {
  await writeFile(join(root, "file"), "");
  await expect(makeDirectory(join(root, "file/a/b"))).rejects.toMatchObject({
    name: "ErrFailedPrecondition",
  });
});

describeWithMounts("makeDirectory() on a read-only disk", () => {
  it("says that it is read-only, however much is missing", async () => {
    const disk = await mountSmallDisk(64);
    try {
      await disk.makeReadOnly();
      for (const path of ["a", "a/b/c"]) {
        await expect(makeDirectory(join(disk.path, path))).rejects.toMatchObject({
          name: "ErrFailedPrecondition",
          message: expect.stringMatching(/: read-only file system$/),
        });
      }
    } finally {
      await disk.dispose();
    }
  });
});

it.each([
  [0o700, 0o700],
  [0o755, 0o700],
  [0o770, 0o770],
  [0o775, 0o770],
])("opens the locks of a root with mode %o to those who may write there", async (mode, expected) => {
  await chmod(root, mode);
  await makeLockDirectory(join(root, "locks"));
  expect((await stat(join(root, "locks"))).mode & 0o777).toBe(expected);
});
