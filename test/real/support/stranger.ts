import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { TOP } from "../../docs/support/documents.ts";
import { installOffline, npm } from "./npm-part.ts";
import { DOORS, ENGINE, ENGINE_BY_REQUIRE, ENGINE_IN_TYPESCRIPT } from "./stranger-programs.ts";

/** Longest time for a command, in milliseconds. */
const COMMAND_TIMEOUT_MS = 120_000;

/** What esbuild is told to write at the top of ES modules, as README.md says. */
const BANNER = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

const run = promisify(execFile);

/** A project of somebody who knows nothing of this repository, with the package as it would be published. */
export class Stranger implements AsyncDisposable {
  /** Where the project is. */
  readonly folder: string;
  /** A folder beside it, from which no package can be found. */
  readonly elsewhere: string;
  readonly #top: string;

  private constructor(top: string) {
    this.#top = top;
    this.folder = join(top, "project");
    this.elsewhere = join(top, "elsewhere");
  }

  /** Packs what `npm run build` has made, and installs it with npm. Throws when one of both fails. The caller disposes of it. */
  static async settle(): Promise<Stranger> {
    const stranger = new Stranger(await mkdtemp(join(tmpdir(), "drayage-stranger-")));
    try {
      await stranger.#settle();
      return stranger;
    } catch (error) {
      await stranger[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #settle(): Promise<void> {
    await mkdir(this.folder);
    await mkdir(this.elsewhere);
    const files = {
      "package.json": JSON.stringify({ name: "stranger", private: true, type: "module" }),
      "engine.mjs": ENGINE,
      "engine.cjs": ENGINE_BY_REQUIRE,
      "typed.ts": ENGINE_IN_TYPESCRIPT,
      "doors.ts": DOORS,
      "config.json": "{ /* as podman reads it */ }",
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.folder, name), text);
    const words = ["pack", "--ignore-scripts", "--json", "--pack-destination", this.#top];
    const packed = JSON.parse(await npm(words, TOP));
    const [{ filename }] = Object.values(packed) as [{ filename: string }];
    await installOffline(join(this.#top, filename), this.folder);
  }

  /** A program of the packages that the stranger has. */
  program(name: "esbuild" | "drayage"): string {
    return join(this.folder, "node_modules", ".bin", name);
  }

  /** Runs a program in the project and returns what it says. Throws when it fails, with its complaint. */
  async run(program: string, words: readonly string[], cwd: string = this.folder): Promise<string> {
    const { NODE_OPTIONS: _, ...others } = process.env;
    const env = { ...others, DENO_DIR: join(this.#top, "deno") };
    try {
      return (await run(program, words, { cwd, env, timeout: COMMAND_TIMEOUT_MS })).stdout;
    } catch (cause) {
      const { stdout = "", stderr = "" } = cause as { stdout?: string; stderr?: string };
      throw new Error(`Cannot run ${program} ${words.join(" ")}: ${stdout}${stderr}`, { cause });
    }
  }

  /** Makes a bundle of the engine elsewhere; returns its path. */
  async bundle(bundler: "esbuild" | "rolldown", format: "esm" | "cjs"): Promise<string> {
    const folder = join(this.elsewhere, `${bundler}-${format}`);
    await mkdir(folder);
    if (format === "esm") await writeFile(join(folder, "package.json"), '{"type":"module"}');
    const common = ["--platform", "node", "--format", format];
    if (bundler === "rolldown") {
      await this.run(ofTree("rolldown"), ["engine.mjs", "-d", folder, ...common]);
      return join(folder, "engine.js");
    }
    const file = join(folder, "bundle.js");
    const words = common
      .join(" ")
      .replaceAll(/(--\w+) /g, "$1=")
      .split(" ");
    const banner = format === "esm" ? [`--banner:js=${BANNER}`] : [];
    await this.run(this.program("esbuild"), [
      "engine.mjs",
      "--bundle",
      "--log-level=error",
      `--outfile=${file}`,
      ...words,
      ...banner,
    ]);
    return file;
  }

  /** Compiles the typed programs strictly, with the types of all packages looked at; returns where the JavaScript is. */
  async compile(module: "nodenext" | "esnext", moduleResolution: "nodenext" | "bundler"): Promise<string> {
    const outDir = `of-${moduleResolution}`;
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      target: "es2022",
      types: ["node"],
      module,
      moduleResolution,
      outDir,
    };
    const project = join(this.folder, `tsconfig.${moduleResolution}.json`);
    await writeFile(project, JSON.stringify({ compilerOptions, files: ["typed.ts", "doors.ts"] }));
    await this.run(ofTree("tsc"), ["-p", project]);
    return join(outDir, "typed.js");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#top, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A program of the packages of this repository. */
function ofTree(name: string): string {
  return join(TOP, "node_modules", ".bin", name);
}
