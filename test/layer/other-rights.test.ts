import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { canRun, NOBODY } from "../support/identities.ts";
import { ownsAll } from "../support/owns-all.ts";

const CHILD = fileURLToPath(new URL("support/vitest-child.ts", import.meta.url));
const TREE = fileURLToPath(new URL("../..", import.meta.url));

/** Tests of what rights make a difference for. */
const FOLDERS = ["reading", "rootfs", "store", "tree", "unpack"].map((name) => `test/layer/${name}/`);

/** Time for these tests, in milliseconds. */
const TIMEOUT_MS = 300_000;

/** Who else runs the tests: what stands in front of a command. */
const IDENTITIES: Readonly<Record<string, readonly string[]>> = {
  "an unprivileged user": NOBODY,
  "root of a user namespace": [...NOBODY, "unshare", "-Urm"],
};

/** Runs the tests in a folder of their own; resolves with how they ended and with what they said. */
function runAs(
  identity: readonly string[],
  folder: string,
): Promise<{ readonly failed: boolean; readonly words: string }> {
  const [program = "", ...args] = [...identity, process.execPath, CHILD, ...FOLDERS];
  const { NODE_COMPILE_CACHE: _, ...others } = process.env;
  const env = {
    ...others,
    HOME: folder,
    TMPDIR: folder,
    NO_COLOR: "1",
    DRAYAGE_PROPERTY_RUNS: "10",
    DRAYAGE_LAYER_ENTRIES: "2000",
  };
  const { promise, resolve } = Promise.withResolvers<{ failed: boolean; words: string }>();
  execFile(program, args, { cwd: TREE, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
    resolve({ failed: error !== null, words: stripVTControlCharacters(`${stdout}\n${stderr}`) }),
  );
  return promise;
}

describe.each(Object.entries(IDENTITIES))(
  "all tests of what a layer becomes on the disk",
  (name, identity) => {
    const isPossible = ownsAll && canRun(identity);
    const title = `hold for ${name}`;

    it.skipIf(!isPossible)(
      isPossible ? title : `${title} (not on this host: only root can become somebody else)`,
      { timeout: TIMEOUT_MS },
      async () => {
        const folder = mkdtempSync(join(tmpdir(), "drayage-rights-"));
        chmodSync(folder, 0o777);
        const { failed, words } = await runAs(identity, folder);
        await rm(folder, { recursive: true, force: true });
        expect(failed, words.slice(-20_000)).toBe(false);
        expect(words).toMatch(/Tests +\d+ passed/);
      },
    );
  },
);
