import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program from outside this project that the real tests put to work. */
export type PartName =
  | "docker-registry"
  | "skopeo"
  | "umoci"
  | "containerd"
  | "ctr"
  | "runc"
  | "podman"
  | "conmon"
  | "crun"
  | "oras"
  | "crane"
  | "docker"
  | "dockerd"
  | "squid"
  | "nginx";

/** Debian's package of each part. Parts without one are used where they are installed, and nobody promises them. */
const PACKAGES: Readonly<Record<PartName, string | undefined>> = {
  "docker-registry": "docker-registry",
  skopeo: "skopeo",
  umoci: "umoci",
  containerd: "containerd",
  ctr: "containerd",
  runc: "containerd", // which depends on it
  podman: "podman",
  conmon: "podman", // which depends on it
  crun: "crun",
  oras: undefined,
  crane: undefined,
  docker: undefined, // Debian's is older than what is tested
  dockerd: "docker.io",
  squid: "squid",
  nginx: undefined,
};

/** Every part that there may be. */
export const PART_NAMES = Object.keys(PACKAGES) as readonly PartName[];

/** Where a part is and what it needs to run. */
export interface Part {
  readonly name: PartName;
  /** The program file. */
  readonly path: string;
  /** What to add to the environment of the process. */
  readonly env: Readonly<Record<string, string>>;
}

/** The Debian package that holds a part, if any. */
export function packageOf(name: PartName): string | undefined {
  return PACKAGES[name];
}

/** Where fetched parts are kept: `DRAYAGE_PARTS`, or `.cache/parts` of the checkout. */
export function partsFolder(): string {
  const { DRAYAGE_PARTS = fileURLToPath(new URL("../../../.cache/parts", import.meta.url)) } = process.env;
  return DRAYAGE_PARTS;
}

/** Looks for a part: installed on PATH first, then among the fetched ones. */
export function findPart(name: PartName): Part | undefined {
  const { PATH = "" } = process.env;
  const folders = PATH.split(delimiter).filter((folder) => folder !== "");
  const installed = folders.map((folder) => join(folder, name)).find(isProgram);
  if (installed !== undefined) return { name, path: installed, env: {} };

  const root = join(partsFolder(), PACKAGES[name] ?? name);
  const fetched = ["usr/bin", "usr/sbin"].map((folder) => join(root, folder, name)).find(isProgram);
  if (fetched === undefined) return undefined;
  return { name, path: fetched, env: { LD_LIBRARY_PATH: libraryFolders(root).join(delimiter) } };
}

/** Finds a part or throws. */
export function requirePart(name: PartName): Part {
  const part = findPart(name);
  if (part === undefined) throw new Error(`Cannot run ${name}: neither on PATH nor in ${partsFolder()}`);
  return part;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The library folders of an unpacked package, such as `usr/lib/x86_64-linux-gnu`. */
function libraryFolders(root: string): string[] {
  return ["lib", "usr/lib"]
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [folder, ...multiarchFolders(folder)]);
}

function multiarchFolders(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /-linux-gnu\w*$/.test(name))
    .map((name) => join(folder, name));
}
