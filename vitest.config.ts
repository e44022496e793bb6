import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { AloneFirst } from "./test/support/alone-first.ts";
import { RetriedTests } from "./test/support/retried-tests.ts";

/** A run with what another one drew: the order of the tests, the values of properties, the campaigns in `test/chaos`. */
const SEED = process.env["DRAYAGE_TEST_SEED"];

/** Whether the run says how blobs move, in threads and in ranges: `test/support/as-told`. */
const IS_TOLD = ["DRAYAGE_TEST_WORKERS", "DRAYAGE_TEST_RANGES"].some(
  (name) => process.env[name] !== undefined,
);

const SETUP = [
  ...(SEED === undefined ? [] : ["test/support/seed-setup.ts"]),
  ...(IS_TOLD ? ["test/support/as-told/setup.ts"] : []),
];

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const ALL = "test/**/*.test.ts";

/** What needs a process of its own: the long ones with many processes, and those that change what their process is for everybody. */
const ALONE = [
  "test/{chaos,real}/**/*.test.ts",
  ...globSync(ALL).filter((path) =>
    /\bvi\.(?:doM|m|unm)ock\(|setFlagsFromString\(/.test(readFileSync(path, "utf8")),
  ),
];

/** How often a test is run again in CI when it has failed. It is named at the end, and there may be a few only. */
const RETRIES = process.env["CI"] === undefined ? 0 : 1;

export default defineConfig({
  test: {
    setupFiles: SETUP,
    globalSetup: ["test/support/global-setup.ts", "test/real/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // As long as a slow machine may take for what takes milliseconds.
    expect: { poll: { timeout: 20_000 } },
    sequence: { shuffle: true, sequencer: AloneFirst, ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
    retry: RETRIES,
    maxWorkers: 2,
    reporters: ["default", new RetriedTests()],
    // Processes that tests start run from the sources: what the first one has compiled, the others load.
    env: {
      NODE_COMPILE_CACHE: pathOf(".cache/test-processes"),
      ...(IS_TOLD && {
        NODE_OPTIONS: `--import=${new URL("test/support/as-told/in-children.ts", import.meta.url).href}`,
      }),
    },
    projects: [
      { extends: true, test: { name: "alone", include: ALONE } },
      // One process after another would load and compile the same sources for each of these files.
      { extends: true, test: { name: "together", include: [ALL], exclude: ALONE, isolate: false } },
    ],
  },
});
