import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { defineConfig } from "rolldown";

/** Where the compiler leaves modules in the JavaScript of the oldest Node.js that is supported, one file for each. */
const COMPILED = ".cache/compiled";

/** What the package offers: the doors, which are the files of src itself, and the command line. */
const DOORS = globSync(`${COMPILED}/*.js`).map((path) => [basename(path, ".js"), `./${path}`]);

/**
 * What goes into one file although not everybody needs all of it: each file that is opened costs a start a third of a millisecond,
 * and parts that are loaded late, such as version 1 of the API, would cut what they share with the others into dozens.
 */
const TOGETHER = [
  {
    name: "basis",
    test: /\/compiled\/(?:async|digest|disk|errors|oci|options|platform|progress|reference)\//,
  },
  {
    name: "registry",
    test: /\/compiled\/(?:remotes\/|registry\/(?:http|answers|auth|repository|pull|identities|endpoint-send))/,
    minShareCount: 2,
  },
];

/** Programs of their own: the command line, and the thread that unpacks layers. */
const PROGRAMS = {
  "cli/main": `./${COMPILED}/cli/main.js`,
  "unpack-worker": `./${COMPILED}/layer/workers/unpack-worker.js`,
};

/** Each door keeps its file, what doors share lies in chunks; dependencies stay packages of their own. */
export default defineConfig({
  input: { ...Object.fromEntries(DOORS), ...PROGRAMS },
  platform: "node",
  logLevel: "warn",
  external: /^[^./]/,
  treeshake: { moduleSideEffects: false },
  plugins: [{ name: "source-maps-of-the-compiler", load: withSourceMap }],
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    sourcemap: true,
    codeSplitting: { groups: TOGETHER },
  },
});

/** So that stack traces lead to the lines of src. */
function withSourceMap(path: string): { code: string; map: string } {
  return { code: readFileSync(path, "utf8"), map: readFileSync(`${path}.map`, "utf8") };
}
