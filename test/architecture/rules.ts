import { COMPUTED, type SourceModule } from "./parse-sources.ts";

/**
 * The strata, lowest first. A module may import its own folder, any folder of a lower stratum and, outside the engines,
 * another folder of its own stratum. Folders of one stratum must not form a ring either, see `cycles`.
 */
const STRATA: readonly (readonly string[])[] = [
  ["errors", "async", "bandwidth", "disk", "sockets", "progress", "options"],
  ["digest", "reference", "oci", "platform", "tar", "timeline"],
  ["xfer", "content", "registry", "layer"],
  ["images", "remotes", "archive", "containerd"],
  ["distribution"],
  ["docker-api"],
];

/** The stratum whose folders are islands: only those above join them. */
const ISLANDS = 2;

/**
 * The rooms of a folder of src/ and the files that lie beside them, lowest first. A room may import itself and any
 * room of a lower level; those of one level do not know each other.
 */
const ROOMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  distribution: [
    ["api"],
    ["operations", "health", "mounts"],
    ["endpoints", "layers"],
    ["root"],
    ["pull"],
    ["push", "local", "look"],
    ["move"],
    ["artifacts", "check"],
    ["local-distribution.ts"],
    ["compose-distribution.ts"],
    ["open-distribution.ts"],
  ],
  "docker-api": [
    ["into", "http"],
    ["catalog"],
    ["api-engine.ts"],
    ["calls"],
    ["routes.ts"],
    ["api-calls.ts"],
    ["serve-docker-api.ts"],
  ],
  layer: [["decompress"], ["unpack", "tree"], ["workers", "rootfs", "compare", "reading"], ["store"]],
  registry: [
    ["http"],
    ["files"],
    ["configuration"],
    ["endpoints"],
    ["credentials"],
    ["transport", "answers", "auth"],
    ["identities.ts", "check-login.ts"],
    ["repository", "endpoint-send.ts"],
    ["pull", "v1"],
    ["push"],
  ],
  testing: [
    ["storage", "certificates", "store-contract"],
    ["http"],
    ["habits", "faults"],
    ["auth"],
    ["v1"],
    ["api"],
    ["profiles"],
    ["test-registry.ts"],
    ["images"],
  ],
};

/** Folders beside the strata: what of src/ they may import, apart from themselves. `door:` stands for `src/<name>.ts`. */
const EDGES: Readonly<Record<string, (target: string) => boolean>> = {
  cli: (target) => target.startsWith("door:"),
  testing: (target) => ["async", "content", "errors", "digest", "oci", "door:errors"].includes(target),
};

/**
 * Third-party packages and the folders below src/ that own them; `package.json` is our own, read for the version, and `program.cjs`
 * is what the build makes of the command line.
 */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  "jsonc-parser": ["registry/files"],
  undici: ["registry/transport"],
  "p-queue": ["xfer"],
  eventemitter3: ["distribution", "images"],
  pino: ["cli"],
  "@bufbuild/protobuf": ["content/grpc", "containerd"],
  commander: ["cli"],
  "smol-toml": ["registry/configuration"],
  "package.json": ["cli"],
  "program.cjs": ["cli"],
};

/** Most lines of code in one file. */
const MAX_CODE_LINES = 300;

/** The folder of `src/<folder>/...`, or `door:<name>` of `src/<name>.ts`. */
function homeOf(path: string): string {
  const [, first = "", ...rest] = path.split("/");
  return rest.length > 0 ? first : `door:${first.replace(/\.ts$/, "")}`;
}

/** Imports between files of src/ that point sideways or up, or to a door from inside. */
export function strataViolations(modules: readonly SourceModule[]): string[] {
  return modules.flatMap(({ path, imports }) =>
    imports
      .filter((target) => target.startsWith("src/") && !mayImport(homeOf(path), homeOf(target)))
      .map((target) => `${path} must not import ${target}`),
  );
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return !from.startsWith("door:");
  if (from.startsWith("door:")) return stratumOf(to) >= 0 || to === "testing";
  const edge = EDGES[from];
  if (edge !== undefined) return edge(to);
  const [upper, lower] = [stratumOf(from), stratumOf(to)];
  if (upper < 0 || lower < 0) return false;
  return upper === lower ? upper !== ISLANDS : upper > lower;
}

function stratumOf(folder: string): number {
  return STRATA.findIndex((folders) => folders.includes(folder));
}

/** Imports within a folder that has rooms that point to another room of the same level or up. */
export function roomViolations(modules: readonly SourceModule[]): string[] {
  return modules.flatMap(({ path, imports }) =>
    imports
      .filter((target) => hasRooms(path) && homeOf(path) === homeOf(target) && target.startsWith("src/"))
      .filter((target) => roomOf(path) !== roomOf(target) && levelOf(path) <= levelOf(target))
      .map((target) => `${path} must not import ${target}`),
  );
}

function hasRooms(path: string): boolean {
  return Object.hasOwn(ROOMS, homeOf(path));
}

/** The room of `src/<folder>/<room>/...`, or the file's name of `src/<folder>/<name>.ts`. */
function roomOf(path: string): string {
  return path.split("/")[2] ?? "";
}

function levelOf(path: string): number {
  return (ROOMS[homeOf(path)] ?? []).findIndex((rooms) => rooms.includes(roomOf(path)));
}

/** Files in folders of src/ that no stratum knows, and files of folders with rooms that none of their levels knows. */
export function homelessFiles(modules: readonly SourceModule[]): string[] {
  return modules
    .map(({ path }) => path)
    .filter((path) => !isKnown(homeOf(path)) || (hasRooms(path) && levelOf(path) < 0));
}

function isKnown(home: string): boolean {
  return home.startsWith("door:") || Object.hasOwn(EDGES, home) || stratumOf(home) >= 0;
}

/** Imports that leave src/ for anything but node and the packages that the folder owns, and imports nobody can check. */
export function foreignImports(modules: readonly SourceModule[]): string[] {
  return modules.flatMap(({ path, imports }) =>
    imports
      .filter((target) => !target.startsWith("src/") && !target.startsWith("node:"))
      .filter(
        (target) =>
          target === COMPUTED || !ownersOf(target).some((folder) => path.startsWith(`src/${folder}/`)),
      )
      .map((target) => `${path} must not import ${target}`),
  );
}

function ownersOf(specifier: string): readonly string[] {
  return OWNERS[packageOf(specifier)] ?? [];
}

function packageOf(specifier: string): string {
  const [first = "", second = ""] = specifier.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

/** Rings of imports, types included: first between files, then between folders. Each ring is told once. */
export function cycles(modules: readonly SourceModule[]): string[] {
  const files = new Map<string, Set<string>>();
  const folders = new Map<string, Set<string>>();
  for (const { path, imports } of modules) {
    for (const target of imports.filter((one) => one.startsWith("src/"))) {
      link(files, path, target);
      if (homeOf(path) !== homeOf(target)) link(folders, homeOf(path), homeOf(target));
    }
  }
  return [...rings(files), ...rings(folders)];
}

function link(graph: Map<string, Set<string>>, from: string, to: string): void {
  graph.set(from, (graph.get(from) ?? new Set()).add(to));
}

function rings(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const found = new Set<string>();
  const finished = new Set<string>();
  const trail: string[] = [];
  function follow(node: string): void {
    const start = trail.indexOf(node);
    if (start >= 0) found.add([...trail.slice(start), node].join(" -> "));
    if (start >= 0 || finished.has(node)) return;
    trail.push(node);
    for (const next of graph.get(node) ?? []) follow(next);
    trail.pop();
    finished.add(node);
  }
  for (const node of graph.keys()) follow(node);
  return [...found];
}

/** An `exports` object of package.json. */
export type PackageExports = Readonly<Record<string, unknown>>;

/** Doors without a key, keys without a door, keys that lead elsewhere, and doors that hold more than named re-exports. */
export function doorViolations(modules: readonly SourceModule[], exported: PackageExports): string[] {
  const doors = modules.filter(({ path }) => homeOf(path).startsWith("door:"));
  const names = new Set(doors.map(({ path }) => homeOf(path).slice("door:".length)));
  const missing = [...names]
    .filter((name) => !(keyOf(name) in exported))
    .map((name) => `src/${name}.ts has no key ${keyOf(name)} in package.json`);
  const wrong = Object.entries(exported)
    .filter(([key]) => key !== "./package.json")
    .flatMap(([key, value]) => {
      const name = key === "." ? "index" : key.slice("./".length);
      if (!names.has(name)) return [`package.json key ${key} has no door src/${name}.ts`];
      const wanted = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` };
      return JSON.stringify(value) === JSON.stringify(wanted)
        ? []
        : [`package.json key ${key} must lead to ${wanted.default}`];
    });
  const crowded = doors
    .filter(({ reExportsOnly }) => !reExportsOnly)
    .map(({ path }) => `${path} must hold named re-exports only`);
  return [...missing, ...wrong, ...crowded];
}

function keyOf(door: string): string {
  return door === "index" ? "." : `./${door}`;
}

/** Exported declarations without a doc comment. */
export function undocumentedExports(modules: readonly SourceModule[]): string[] {
  return modules.flatMap(({ path, undocumented }) =>
    undocumented.map((name) => `${path}: ${name} has no doc comment`),
  );
}

/** Files that have grown too long. */
export function longFiles(modules: readonly SourceModule[]): string[] {
  return modules
    .filter(({ codeLines }) => codeLines > MAX_CODE_LINES)
    .map(({ path, codeLines }) => `${path} has ${codeLines} lines of code, at most ${MAX_CODE_LINES} wanted`);
}

/** Source files whose name says nothing, or is not kebab-case. */
export function poorNames(paths: readonly string[]): string[] {
  return paths.filter((path) => {
    const parts = path.replace(/(?:(?:\.[a-z]+)?\.test|\.config|\.d)?\.ts$/, "").split("/");
    return parts.some((part) => !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part) || LANDFILLS.test(part));
  });
}

const LANDFILLS = /^(?:utils?|helpers?|common|misc)$/;
