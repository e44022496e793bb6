import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A file system of its own, in memory. Disposing of it needs that nothing in it is open. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  makeReadOnly(): Promise<void>;
  makeWritable(): Promise<void>;
  dispose(): Promise<void>;
}

/** Whether this process may mount. Said aloud when it may not, because tests are skipped then. */
export const canMount: boolean = tryMount();

function tryMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), "small-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path], { stdio: "ignore" });
    execFileSync("umount", [path]);
    return true;
  } catch {
    process.stderr.write("skipped: tests on a small or read-only disk, for want of the right to mount\n");
    return false;
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** Mounts one of `kib` KiB, with room for so many `files`; the caller disposes of it once nothing in it is open. */
export async function mountSmallDisk(kib: number, files = 0): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), "small-disk-"));
  await run("mount", ["-t", "tmpfs", "-o", `size=${kib}k,nr_inodes=${files}`, "tmpfs", path]);
  const dispose = async (): Promise<void> => {
    await run("umount", [path]);
    await rm(path, { recursive: true, force: true });
  };
  return {
    path,
    async makeReadOnly() {
      await run("mount", ["-o", "remount,ro", path]);
    },
    async makeWritable() {
      await run("mount", ["-o", "remount,rw", path]);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
