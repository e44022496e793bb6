/** A finding in a text file. */
export interface Finding {
  /** Path and line, such as `src/a.ts:12`. */
  readonly where: string;
  readonly what: string;
}

/** Spelled in pieces, so that the rules do not find themselves. */
const word = (...pieces: readonly string[]) => pieces.join("");

/** Work that was put off in a comment. */
const POSTPONED = new RegExp(`\\b(?:${word("TO", "DO")}|${word("FIX", "ME")})\\b`);

/** Folders in which people and build machines keep their checkouts. A path below one is true on one machine only. */
const MACHINE_FOLDERS = ["home", "Users", "work", "workspace", "builds", "mnt"];
const MACHINE_PATH = new RegExp(`(?<![\\w.$}~-])/(?:${MACHINE_FOLDERS.join("|")})/[\\w.]`);

/** Hosts of package registries: where packages come from is the business of whoever installs them. */
const PACKAGE_HOSTS = [
  word("npm", "js.org"),
  word("npm", "js.com"),
  word("yarn", "pkg.com"),
  word("npm", "mirror.com"),
  word("npm.pkg.", "github.com"),
  word("py", "pi.org"),
  word("crates", ".io"),
  word("proxy.", "golang.org"),
  word("rubygems", ".org"),
];

/** Postponed work, paths of one machine (`checkout` is this one's) and hosts of package registries in one file's text. */
export function textViolations(path: string, text: string, checkout: string): Finding[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      complaints(path, line, checkout).map((what) => ({ where: `${path}:${index + 1}`, what })),
    );
}

function complaints(path: string, line: string, checkout: string): string[] {
  const found: string[] = [];
  if (POSTPONED.test(line)) found.push("postponed work");
  if (line.includes(`${checkout}/`) || MACHINE_PATH.test(line)) found.push("path of one machine");
  if (PACKAGE_HOSTS.some((host) => line.includes(host))) found.push("host of a package registry");
  if (path.endsWith("package-lock.json") && /^\s*"resolved":/.test(line)) found.push("resolved address");
  return found;
}
