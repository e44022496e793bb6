/** Runs test files by whoever runs it, who may not write to this tree: `vitest-child.ts <directory>...`. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startVitest } from "vitest/node";

const vitest = await startVitest(
  "test",
  process.argv.slice(2),
  {
    config: false,
    watch: false,
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: ["default"],
  },
  { cacheDir: join(tmpdir(), "vite") },
);
await vitest.close();
