import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DirectorySyncs } from "../../src/disk/directory-syncs.ts";

describe("DirectorySyncs.sync()", () => {
  it("serves all who come while a directory is synced, in whatever directory", async () => {
    const directory = await mkdtemp(join(tmpdir(), "drayage-syncs-"));
    const syncs = new DirectorySyncs();

    const many = Array.from({ length: 50 }, (_, at) => syncs.sync(at % 2 === 0 ? directory : tmpdir()));

    await expect(Promise.all(many)).resolves.toHaveLength(50);
    await rm(directory, { recursive: true });
  });

  it("fails for everybody when the directory cannot be synced, and tries again for the next one", async () => {
    const directory = await mkdtemp(join(tmpdir(), "drayage-syncs-"));
    const syncs = new DirectorySyncs();
    await rm(directory, { recursive: true });

    const failed = await Promise.allSettled([syncs.sync(directory), syncs.sync(directory)]);

    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(syncs.sync(tmpdir())).resolves.toBeUndefined();
  });
});
