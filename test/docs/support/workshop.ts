import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestRegistry } from "../../../src/testing.ts";
import { type CodeBlock, TOP } from "./documents.ts";
import { type Outcome, runNode } from "./run-program.ts";

/** How long an example may take, in milliseconds: they take about one second, on a busy machine a few. */
const EXAMPLE_LIMIT_MS = 25_000;

/** How long the compiler may take over all of them, in milliseconds. */
const COMPILER_LIMIT_MS = 25_000;

/** The host in examples; it stands for the registry of the test. */
const PLACEHOLDER_HOST = "registry.example";

/** Directories in examples; each stands for one in the workshop. */
const PLACEHOLDER_DIRECTORIES = ["/var/lib/engine", "/root/.docker", "/tmp/images"];

/**
 * A directory in which the code of documents runs as it stands: `drayage` and its doors are the sources of this checkout,
 * the placeholder host is a running registry, and the placeholder directories are below it.
 */
export class Workshop implements AsyncDisposable {
  readonly directory: string;
  readonly #registry: TestRegistry;

  private constructor(directory: string, registry: TestRegistry) {
    this.directory = directory;
    this.#registry = registry;
  }

  /** Sets a workshop up. The caller disposes of it, and closes the registry. */
  static async open(registry: TestRegistry): Promise<Workshop> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), "drayage-docs-")));
    const installed = join(directory, "node_modules", "drayage");
    await mkdir(installed, { recursive: true });
    // A link, because Node.js strips no types from files that are really below node_modules.
    await symlink(join(TOP, "src"), join(installed, "src"));
    await writeFile(join(installed, "package.json"), await sourceManifest());
    await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(directory, "tsconfig.json"), JSON.stringify(compilerConfig()));
    return new Workshop(directory, registry);
  }

  /** `text` with the placeholders filled in. */
  fillIn(text: string): string {
    const { host, url } = this.#registry;
    const directories = PLACEHOLDER_DIRECTORIES.reduce(
      (filled, placeholder) => filled.replaceAll(placeholder, join(this.directory, "disk", placeholder)),
      text,
    );
    return directories.replaceAll(`https://${PLACEHOLDER_HOST}`, url).replaceAll(PLACEHOLDER_HOST, host);
  }

  /** Writes the program of a block down, its lines where the document has them. Returns the name of the file. */
  async write({ path, line, code }: CodeBlock): Promise<string> {
    const name = `${path.replaceAll("/", "--")}.${line}.ts`;
    await writeFile(join(this.directory, name), `${"\n".repeat(line)}${this.fillIn(code)}\nexport {};\n`);
    return name;
  }

  /** Runs the program of a block. */
  async run(block: CodeBlock, limitMs: number = EXAMPLE_LIMIT_MS): Promise<Outcome> {
    return await this.runNode([await this.write(block)], limitMs);
  }

  /** Runs the command line of this checkout. */
  async runCli(args: readonly string[]): Promise<Outcome> {
    return await this.runNode([join(TOP, "src", "cli", "main.ts"), ...args], EXAMPLE_LIMIT_MS);
  }

  /** Type-checks all programs that were written. Returns what the compiler says. */
  async typeCheck(): Promise<string> {
    const compiler = join(TOP, "node_modules", "typescript", "bin", "tsc");
    const { status, stdout, stderr } = await this.runNode(
      [compiler, "--noEmit", "--pretty", "false", "-p", this.directory],
      COMPILER_LIMIT_MS,
    );
    return status === 0 ? "" : `${stdout}${stderr}` || "the compiler said nothing";
  }

  /** Runs Node.js with a home of its own, so that nobody's docker configuration is read. */
  runNode(args: readonly string[], limitMs: number): Promise<Outcome> {
    const { PATH = "" } = process.env;
    const env = { PATH, HOME: join(this.directory, "disk", "home"), NO_COLOR: "1" };
    return runNode(args, { cwd: this.directory, env, limitMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The package's own manifest with every door leading to its source. */
async function sourceManifest(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(TOP, "package.json"), "utf8")) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const doors = Object.entries(manifest.exports).map(([key, target]) => {
    const path = typeof target === "string" ? target : target.default;
    return [key, path.replace("./dist/", "./src/").replace(/\.js$/, ".ts")];
  });
  return JSON.stringify({ name: manifest.name, type: "module", exports: Object.fromEntries(doors) });
}

function compilerConfig(): object {
  return {
    extends: join(TOP, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(TOP, "node_modules", "@types")], noUnusedLocals: false },
    include: ["*.ts"],
  };
}
