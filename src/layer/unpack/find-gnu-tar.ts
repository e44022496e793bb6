import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How long the program may take to say who it is, in milliseconds. */
const PROGRAM_TIMEOUT_MS = 10_000;

/** Names under which GNU tar may be installed. */
const TAR_NAMES = ["tar", "gtar"];

/** Path of the first GNU tar on `PATH`, which does with files what Node.js cannot; `undefined` where there is none. */
export async function findGnuTar(): Promise<string | undefined> {
  const { PATH = "" } = process.env;
  const candidates = PATH.split(delimiter).flatMap((folder) => TAR_NAMES.map((name) => join(folder, name)));
  for (const path of candidates.filter((candidate) => candidate.startsWith("/"))) {
    if (await isGnuTar(path)) return path;
  }
  return undefined;
}

async function isGnuTar(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    const { stdout } = await run(path, ["--version"], { timeout: PROGRAM_TIMEOUT_MS, env: { LC_ALL: "C" } });
    return stdout.includes("GNU tar");
  } catch {
    return false;
  }
}
