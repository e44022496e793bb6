import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { AloneFirst } from "./test/support/alone-first.ts";

/** A run with what another one drew: the order of the tests, the values of properties, the campaigns in `test/chaos`. */
const SEED = process.env["DRAYAGE_TEST_SEED"];

/** All blobs in threads or none, and all in ranges or none: by default what an engine chooses itself. */
const SETUP = [
  ...(SEED === undefined ? [] : ["test/support/seed-setup.ts"]),
  ...(process.env["DRAYAGE_TEST_WORKERS"] === undefined ? [] : ["test/support/transfer-threads-setup.ts"]),
  ...(process.env["DRAYAGE_TEST_RANGES"] === undefined ? [] : ["test/support/ranges-setup.ts"]),
];

const ALL = "test/**/*.test.ts";

/** What needs a process of its own: the long ones with many processes, and those that change what their process is for everybody. */
const ALONE = [
  "test/{chaos,real}/**/*.test.ts",
  ...globSync(ALL).filter((path) =>
    /\bvi\.(?:doM|m)ock\(|setFlagsFromString\(/.test(readFileSync(path, "utf8")),
  ),
];

export default defineConfig({
  test: {
    setupFiles: SETUP,
    globalSetup: ["test/support/global-setup.ts", "test/real/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { shuffle: true, sequencer: AloneFirst, ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
    maxWorkers: 2,
    // Processes that tests start run from the sources: what the first one has compiled, the others load.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL(".cache/test-processes", import.meta.url)) },
    projects: [
      { extends: true, test: { name: "alone", include: ALONE } },
      // One process after another would load and compile the same sources for each of these files.
      { extends: true, test: { name: "together", include: [ALL], exclude: ALONE, isolate: false } },
    ],
  },
});
