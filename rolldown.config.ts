import { globSync } from "node:fs";
import { defineConfig } from "rolldown";

/** What the package offers: the doors, which are the files of src itself, and the command line. */
const DOORS = globSync("src/*.ts").map((path) => [path.slice("src/".length, -".ts".length), path]);

/** Each door keeps its file, what doors share lies in chunks; dependencies stay packages of their own. */
export default defineConfig({
  input: { ...Object.fromEntries(DOORS), "cli/main": "src/cli/main.ts" },
  platform: "node",
  logLevel: "warn",
  external: /^[^./]/,
  treeshake: { moduleSideEffects: false },
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    sourcemap: true,
  },
});
