import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { fetchNpmPart, haveNpmPart, NPM_PART } from "./npm-part.ts";
import { findPart, PART_NAMES, packageOf, partsFolder } from "./parts.ts";

/** Longest wait for one command of apt or dpkg, in milliseconds: a mirror that hangs must not hang the tests. */
const COMMAND_TIMEOUT_MS = 180_000;

/** One repetition gets over a hiccup; apt's own three, with their pauses, take a minute where there is no network. */
const APT_OPTIONS = ["-o", "Acquire::Retries=1"];

/** What became of the parts. */
export interface FetchOutcome {
  /** Their names. */
  readonly present: readonly string[];
  /** Why a part that Debian packages, or npm has, is not there, by name. */
  readonly failed: ReadonlyMap<string, string>;
}

/**
 * Makes sure that every part which Debian packages is there: on PATH, or unpacked with the libraries it lacks into
 * `partsFolder()`; and packages from npm beside them. Needs no root and installs nothing; does nothing the second time.
 */
export async function fetchParts(): Promise<FetchOutcome> {
  const failed = new Map<string, string>();
  const fromNpm = fetchNpmPart().catch((error: unknown) => failed.set(NPM_PART, String(error)));
  const apt = new Apt();
  for (const name of PART_NAMES) {
    const packageName = packageOf(name);
    if (packageName === undefined || findPart(name) !== undefined) continue;
    await fetchPackage(apt, packageName).catch((error: unknown) => failed.set(name, String(error)));
  }
  await fromNpm;
  const present = PART_NAMES.filter((name) => findPart(name) !== undefined);
  return { present: haveNpmPart() ? [...present, NPM_PART] : present, failed };
}

/** Unpacks beside its final place and renames, so that two runs at once both end with a whole part. */
async function fetchPackage(apt: Apt, name: string): Promise<void> {
  await mkdir(partsFolder(), { recursive: true });
  const work = await mkdtemp(join(partsFolder(), `${name}.`));
  try {
    await apt.download(name, work);
    const root = join(work, "root");
    for (const file of (await readdir(work)).filter((entry) => entry.endsWith(".deb"))) {
      await run("dpkg-deb", ["--extract", join(work, file), root], work);
    }
    await rename(root, join(partsFolder(), name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** apt with the machine's package lists, or with lists of our own, which need no root, when those do not help. */
class Apt {
  #ownLists: Promise<readonly string[]> | undefined;

  /** Downloads a package and those of its dependencies that the machine lacks. */
  async download(name: string, folder: string): Promise<void> {
    if (this.#ownLists === undefined) {
      const done = await download(name, folder, APT_OPTIONS).then(
        () => true,
        () => false, // Missing lists, or older ones than the mirror has: worth a second try with fresh ones.
      );
      if (done) return;
      this.#ownLists = fetchLists();
    }
    await download(name, folder, await this.#ownLists);
  }
}

async function fetchLists(): Promise<readonly string[]> {
  const cache = join(partsFolder(), "apt");
  const lists = join(cache, "lists");
  await mkdir(join(lists, "partial"), { recursive: true });
  const options = [...APT_OPTIONS, "-o", `Dir::State::lists=${lists}`, "-o", `Dir::Cache=${cache}`];
  await run("apt-get", [...options, "--error-on=any", "update"], cache);
  return options;
}

async function download(name: string, folder: string, options: readonly string[]): Promise<void> {
  const plan = await run(
    "apt-get",
    [...options, "install", "--simulate", "--no-install-recommends", name],
    folder,
  );
  const lacking = [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+)/gm)];
  const versions = lacking.map(([, dependency = "", version = ""]) => `${dependency}=${version}`);
  // Nothing lacking: the package is installed, but its program is not on PATH.
  await run("apt-get", [...options, "download", ...(versions.length > 0 ? versions : [name])], folder);
}

const execute = promisify(execFile);

/** Runs a command to its end and returns its standard output; the error it throws carries its first complaint. */
async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await execute(command, args, { cwd, timeout: COMMAND_TIMEOUT_MS })).stdout;
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string };
    const complaint = /^E: .+/m.exec(stderr ?? "")?.[0] ?? message;
    throw new Error(`Cannot run ${command} ${args.at(-1)}: ${complaint}`, { cause });
  }
}
