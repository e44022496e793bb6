import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileWatch } from "../../src/disk/watch-file.ts";
import { until } from "../distribution/support/until.ts";

let directory: string;
let watch: FileWatch | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-watch-file-"));
});

afterEach(async () => {
  watch?.close();
  await rm(directory, { recursive: true, force: true });
});

describe("FileWatch", () => {
  it("tells of a file that is replaced by renaming, again and again, and of no other", async () => {
    const path = join(directory, "file");
    await writeFile(path, "0");
    let changes = 0;
    watch = new FileWatch(path, { onChange: () => changes++, onFailure: () => expect.unreachable() });
    for (const text of ["1", "2", "3"]) {
      const before = changes;
      await writeFile(`${path}.tmp`, text);
      await rename(`${path}.tmp`, path);
      await until(() => changes > before);
    }
  });

  it("looks from time to time at what cannot be watched, and says so", async () => {
    const path = join(directory, "missing", "..", "none", "file");
    const failures: unknown[] = [];
    let changes = 0;
    watch = new FileWatch(path, { onChange: () => changes++, onFailure: (error) => failures.push(error) });
    expect(failures).toMatchObject([{ code: "ENOENT" }]);
    await rename(await mkdtemp(join(directory, "new-")), join(directory, "none"));
    await rename(await mkdtemp(join(directory, "new-")), join(directory, "missing"));
    await writeFile(path, "here");
    await until(() => changes > 0);
  });
});
