import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // All blobs in threads, or none: by default what an engine chooses itself.
    setupFiles: process.env["DRAYAGE_TEST_WORKERS"] ? ["test/support/transfer-threads-setup.ts"] : [],
    globalSetup: ["test/support/global-setup.ts", "test/real/support/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { shuffle: true },
    maxWorkers: 2,
    // Processes that tests start run from the sources: what the first one has compiled, the others load.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL(".cache/test-processes", import.meta.url)) },
  },
});
