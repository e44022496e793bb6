import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { partsFolder } from "./parts.ts";

/** What describeReal and the report call it. */
export const NPM_PART = "npm-packages";

/** Longest time for one command of npm, in milliseconds: 180 MB come, which takes seconds where nothing is wrong. */
const COMMAND_TIMEOUT_MS = 180_000;

/** What a project in TypeScript has beside drayage, and one bundler; kept for `installOffline`. */
const BESIDE = ["esbuild@0.28.2", "@types/node@22.20.7"];

const MANIFEST = fileURLToPath(new URL("from-npm/package.json", import.meta.url));
const LOCK = fileURLToPath(new URL("from-npm/package-lock.json", import.meta.url));
const OWN_MANIFEST = fileURLToPath(new URL("../../../package.json", import.meta.url));

/** Where a npm that runs scripts says that it is installed: another one would look for its configuration there. */
const PLACE = /^npm_config_(?:(?:local_|global_)?prefix|globalconfig|allow_scripts)$/i;

const execute = promisify(execFile);

/** What this project depends on, by name. */
function ownDependencies(): Readonly<Record<string, string>> {
  return (JSON.parse(readFileSync(OWN_MANIFEST, "utf8")) as { dependencies: Record<string, string> })
    .dependencies;
}

/** Where the packages are kept: a folder for each state of what is wanted, so that nobody works with an old one. */
function folder(): string {
  const wanted = [readFileSync(LOCK, "utf8"), JSON.stringify([ownDependencies(), BESIDE, process.arch])];
  const key = createHash("sha256").update(wanted.join("\n")).digest("hex").slice(0, 12);
  return join(partsFolder(), `npm-${key}`);
}

/** Whether the packages have been fetched. */
export function haveNpmPart(): boolean {
  return existsSync(folder());
}

/** The folder whose `node_modules` has the packages that from-npm/package.json names. */
function npmPart(): string {
  if (!haveNpmPart()) throw new Error(`Cannot use packages from npm: not in ${partsFolder()}`);
  return folder();
}

/** Loads one of these packages, whose types are not in this tree. */
export function requireFromNpm(name: "dockerode" | "testcontainers"): unknown {
  return createRequire(join(npmPart(), "package.json"))(name);
}

/** A program of these packages. */
export function npmProgram(name: "node" | "deno"): string {
  return join(npmPart(), "node_modules", ".bin", name);
}

/**
 * Installs what from-npm/package-lock.json names, and keeps whatever `installOffline` needs, beside the final place, to which
 * all of it is renamed. Does nothing the second time. Throws when npm fails, with its complaint.
 */
export async function fetchNpmPart(): Promise<void> {
  if (haveNpmPart()) return;
  await mkdir(partsFolder(), { recursive: true });
  const work = await mkdtemp(`${folder()}.`);
  try {
    await cp(MANIFEST, join(work, "package.json"));
    await cp(LOCK, join(work, "package-lock.json"));
    // Scripts of all the others are for compilers, which not every machine has.
    await npm(["ci", "--ignore-scripts"], work);
    await npm(["rebuild", "node"], work);
    const project = join(work, "project");
    await mkdir(project);
    await writeFile(join(project, "package.json"), "{}");
    const names = Object.entries(ownDependencies()).map(([name, range]) => `${name}@${range}`);
    await npm(["install", "--cache", join(work, "cache"), ...names, ...BESIDE], project);
    await rm(project, { recursive: true });
    await rename(work, folder()).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Installs a packed package of this project with its dependencies, and what is beside it in a project in TypeScript, without a
 * network. Throws when npm fails, with its complaint.
 */
export async function installOffline(tarball: string, project: string): Promise<void> {
  await npm(["install", "--offline", "--cache", join(npmPart(), "cache"), tarball, ...BESIDE], project);
}

/**
 * Runs npm as somebody would at a prompt: on the machine's Node.js and with the machine's configuration, of which a npm that
 * is run by another one, or on a Node.js of `node_modules`, finds nothing: no authorities either, and so it would try in vain for
 * minutes. Returns its standard output; throws when it fails, with its complaint.
 */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const { NODE_OPTIONS: _, NODE_ENV: _env, PATH = "", ...inherited } = process.env;
  const kept = Object.entries(inherited).filter(([name]) => !PLACE.test(name));
  const path = PATH.split(delimiter).filter((entry) => !entry.split(sep).includes("node_modules"));
  const env = { ...Object.fromEntries(kept), PATH: path.join(delimiter), NODE_DISABLE_COMPILE_CACHE: "1" };
  const words = [...args, "--no-audit", "--no-fund", "--no-update-notifier"];
  try {
    return (await execute("npm", words, { cwd, env, timeout: COMMAND_TIMEOUT_MS })).stdout;
  } catch (cause) {
    const { stderr = "", message } = cause as Error & { stderr?: string };
    const complaint = stderr.split("\n").find((line) => line.startsWith("npm error")) ?? message;
    throw new Error(`Cannot run npm ${args.join(" ")}: ${complaint}`, { cause });
  }
}
