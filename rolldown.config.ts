import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join } from "node:path";
import { defineConfig, type OutputChunk, type Plugin, type RolldownOptions } from "rolldown";

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
    test: /\/compiled\/(?:remotes\/(?!intake)|registry\/(?:http|answers|auth|repository|pull|identities|endpoint-send))/,
    minShareCount: 2,
  },
];

/** What starts the command line. */
const START = { "cli/main": `./${COMPILED}/cli/main.js` };

/** Programs of threads: those that unpack layers, and those that receive blobs. */
const THREADS = {
  "unpack-worker": `./${COMPILED}/layer/workers/unpack-worker.js`,
  "transfer-worker": `./${COMPILED}/remotes/threads/transfer-worker.js`,
};

/**
 * Packages stay packages of their own, but for the one that bundlers cannot follow, which takes its files by a name of its own for
 * `require`; the command line's program is a file of its own, see below.
 */
const OUTSIDE = [/^(?!jsonc-parser$)[^./]/, /^\.\/program\.js$/];

/** What is ours has no side effects when it is loaded; packages say it themselves. */
const treeshake = { moduleSideEffects: (id: string): boolean => !id.includes(`/${COMPILED}/`) };

/** What is written for browsers too has names that cannot be followed in its "main". */
const resolve = { mainFields: ["module", "main"] };

/** Each door keeps its file, what doors share lies in chunks. */
const doors = defineConfig({
  input: { ...Object.fromEntries(DOORS), ...START },
  platform: "node",
  logLevel: "warn",
  external: OUTSIDE,
  treeshake,
  resolve,
  plugins: [
    { name: "program-of-the-threads", load: withProgram },
    { name: "source-maps-of-the-compiler", load: withSourceMap },
    licences("licences.txt"),
  ],
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    sourcemap: true,
    codeSplitting: { groups: TOGETHER },
  },
});

/** Each thread's program is one script: a thread has to read it anew, and is started when there is work for it. */
const threads = Object.entries(THREADS).map(([name, path]) =>
  defineConfig({
    input: { [name]: path },
    platform: "node",
    logLevel: "warn",
    external: OUTSIDE,
    treeshake,
    plugins: [{ name: "source-maps-of-the-compiler", load: withSourceMap }],
    output: { dir: "dist", format: "cjs", entryFileNames: "[name].cjs", sourcemap: true, comments: false },
  }),
);

/**
 * The parts of the command line's program, each with all that it needs and that none before it has: what every start loads; the
 * engine; the commands that reach registries. Whatever else is loaded late is a part by itself.
 */
const PARTS = [
  /\/cli\/program\.[jt]s$/,
  /\/distribution\/compose-distribution\.[jt]s$/,
  /\/cli\/commands\/pull\.[jt]s$/,
];

/** The command line's program: all that it needs, packages too, in the scripts that src/cli/load-script.ts runs. */
export const program = {
  input: { program: `./${COMPILED}/cli/program.js` },
  platform: "node",
  logLevel: "warn",
  treeshake,
  resolve,
  plugins: [undiciWithoutServer(), asScripts(), licences("program-licences.txt")],
  output: {
    dir: "dist/cli",
    format: "cjs",
    comments: false, // a fifth of what is read; the licences lie beside it
    entryFileNames: "[name].cjs",
    chunkFileNames: "program-[name]-[hash].cjs",
    codeSplitting: {
      groups: PARTS.map((test, place) => ({ name: "part", test, priority: PARTS.length - place })),
    },
  },
} satisfies RolldownOptions;

/** The same thread with the packages that it uses in one script: to look for eighteen files takes a third of its start. */
const threadOfProgram = defineConfig({
  input: { "transfer-worker": THREADS["transfer-worker"] },
  platform: "node",
  logLevel: "warn",
  treeshake,
  plugins: [undiciWithoutServer()],
  output: { dir: "dist/cli", format: "cjs", comments: false, entryFileNames: "[name].cjs" },
});

export default [...threads, doors, program, threadOfProgram];

/** The text of a thread's program in the module that keeps it; it has been built before. */
function withProgram(path: string): string | undefined {
  if (!path.endsWith(`/${COMPILED}/layer/workers/unpack-program.js`)) return undefined;
  return `export const UNPACK_PROGRAM = ${JSON.stringify(readFileSync("dist/unpack-worker.cjs", "utf8"))};`;
}

/** So that stack traces lead to the lines of src. */
function withSourceMap(path: string): { code: string; map: string } | undefined {
  if (!path.includes(`/${COMPILED}/`)) return undefined;
  return { code: readFileSync(path, "utf8"), map: readFileSync(`${path}.map`, "utf8") };
}

/**
 * undici's client without what it loads for the sake of others: Node's HTTP server, to know its messages and a limit that our clients
 * name themselves, and HTTP/2 before any server speaks it. What it asserts, some forty times for each answer, costs more than a look
 * only where it is not so. Its second parser, an experiment that has to be asked for, is left out, as in Node.js itself, and the form of the
 * first one for processors that have no SIMD stays in the package: a thread would read through 240 kB of them whenever it starts.
 */
function undiciWithoutServer(): Plugin {
  const [http, http2] = ["\0node-http-of-undici", "\0late-http2-of-undici"];
  const assert = "\0node-assert-of-undici";
  const experiment = "\0experimental-parser-of-undici";
  const withoutSimd = "undici/lib/llhttp/llhttp-wasm.js";
  let client = "";
  return {
    name: "undici-without-server",
    resolveId(source, importer = "") {
      if (source === "node:assert" && importer.includes("/undici/lib/")) return assert;
      if (!/\/undici\/lib\/(?:core|dispatcher)\//.test(importer)) return undefined;
      if (source === "node:http") return http;
      if (source === "./parser-h1.js") return experiment;
      if (source.endsWith("/llhttp-wasm.js")) return { id: withoutSimd, external: true };
      if (source !== "./client-h2.js") return undefined;
      client = join(dirname(importer), source);
      return http2;
    },
    load(id) {
      if (id === http) return "module.exports = { IncomingMessage: class {}, maxHeaderSize: 16384 };";
      if (id === experiment) return "module.exports = { getMiloEnabled: () => false };";
      if (id === assert) {
        const whole = 'process.getBuiltinModule("node:assert")';
        return `module.exports = (value, message) => { if (!value) ${whole}(value, message); };`;
      }
      if (id !== http2) return undefined;
      return `module.exports = (...parameters) => require(${JSON.stringify(client)})(...parameters);`;
    },
  };
}

/** What src/cli/load-script.ts runs: ASCII, one function in parentheses, below a comment that names its content. */
function asScripts(): Plugin {
  return {
    name: "as-scripts",
    generateBundle(_, files) {
      for (const chunk of Object.values(files).filter((file) => file.type === "chunk")) {
        const missing = needsOf(chunk).filter((id) => !(id in files));
        if (missing.length > 0)
          this.error(`${chunk.fileName} needs ${missing.join(", ")}, which is not in the program`);
        const code = chunk.code.replaceAll(/[^\0-\x7f]/g, asEscape);
        const id = createHash("sha256").update(code).digest("hex");
        chunk.code = `// ${id}\n(function (exports, require, __filename) {\n${code}\n})\n`;
      }
    },
  };
}

/** The files that a script needs; also those that a package hides from whoever follows its imports. */
function needsOf({ code, fileName, imports, dynamicImports }: OutputChunk): string[] {
  const required = [...code.matchAll(/\brequire\w*\("(\.{1,2}\/[^"]+)"\)/g)].map(([, id = ""]) => id);
  const files = required.map((id) => join(dirname(fileName), id));
  return [...files, ...[...imports, ...dynamicImports].filter((id) => !isBuiltin(id))];
}

/** The same in strings, templates, expressions and names; what else is not ASCII is in comments. */
function asEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The licences of the packages that are in what is built, beside it. */
function licences(fileName: string): Plugin {
  return {
    name: "licences",
    generateBundle(_, files) {
      const modules = Object.values(files).flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
      const packages = new Set(
        modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
      );
      const source = [...packages].toSorted().map(licenceOf).join("\n");
      this.emitFile({ type: "asset", fileName, source });
    },
  };
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const [file] = globSync(`${folder}/{LICENSE,LICENCE,license}*`);
  return `${name} ${version}: ${license}\n\n${file === undefined ? "" : readFileSync(file, "utf8")}`;
}
