import { execFileSync } from "node:child_process";
import { describe, it } from "vitest";
import { canMount } from "../../content/support/small-disk.ts";

/** A suite that mounts file systems. Without the right to, it is skipped and counted as such; where CI is set it fails. */
export function describeWithMounts(name: string, define: () => void): void {
  const { CI = "" } = process.env;
  if (canMount) {
    describe(name, define);
  } else if (CI === "") {
    describe.skip(`${name} (without the right to mount)`, define);
  } else {
    describe(name, () => {
      it("may mount", () => {
        throw new Error("Cannot run the tests on small and read-only disks: no right to mount");
      });
    });
  }
}

/** Changes the size of a disk of `mountSmallDisk`. */
export function resizeDisk(path: string, kib: number): void {
  execFileSync("mount", ["-o", `remount,size=${kib}k`, path]);
}
