import fc from "fast-check";
import type { WrittenEntry } from "../../../tar/support/tar-writer.ts";

/** What becomes of a name in a random layer. */
interface Choice {
  readonly name: string;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size: number;
  readonly attribute: string | undefined;
  readonly target: number;
}

const NAMES = [
  "a",
  "b",
  "c.txt",
  "\xc3\xa4",
  "\xff\xfe",
  "-option",
  "with space",
  "new\nline",
  "n".repeat(120),
  ".hidden",
  "A",
];
const FOLDERS = ["", "d/", "d/e/", "deep/".repeat(30), "usr/lib/"];

const choice: fc.Arbitrary<Choice> = fc.record({
  name: fc
    .tuple(fc.constantFrom(...FOLDERS), fc.constantFrom(...NAMES))
    .map(([folder, name]) => `${folder}${name}`),
  flag: fc.constantFrom("0", "0", "0", "1", "2", "3", "4", "5", "6", "7"),
  mode: fc.constantFrom(0o644, 0o755, 0o600, 0o4755, 0o2711, 0o1777, 0o400, 0o666),
  uid: fc.constantFrom(0, 1, 65_534, 3_000_000_000),
  gid: fc.constantFrom(0, 8, 65_534),
  mtime: fc.constantFrom(0, 1, 1_600_000_000, 1_600_000_000.25, -5, -5.5, 2 ** 32),
  size: fc.constantFrom(0, 1, 511, 512, 513, 5_000, 70_000),
  attribute: fc.constantFrom(undefined, undefined, undefined, "user.a", "trusted.b", "user.\xc3\xa4"),
  target: fc.nat(),
});

/**
 * Layers that every program unpacks alike: directories come before what is in them, a name comes again only as a directory that is
 * one, or as another thing that is none, and hard links lead to files that are there.
 */
export const randomLayer: fc.Arbitrary<WrittenEntry[]> = fc
  .array(choice, { minLength: 1, maxLength: 40 })
  .map((choices) => entriesOf(choices));

function entriesOf(choices: readonly Choice[]): WrittenEntry[] {
  const entries: WrittenEntry[] = FOLDERS.flatMap((folder) => parentsOf(folder)).map((name) => ({
    name,
    flag: "5",
    mode: 0o755,
    mtime: 7,
  }));
  const isDirectory = new Map<string, boolean>();
  const files = new Set<string>();
  for (const one of choices) {
    const { name, flag } = one;
    if ((isDirectory.get(name) ?? flag === "5") !== (flag === "5")) continue;
    if (files.has(name)) continue; // whose other names would then be of another file, or not
    const linkName = [...files][one.target % Math.max(files.size, 1)];
    if (flag === "1" && linkName === undefined) continue;
    isDirectory.set(name, flag === "5");
    if (flag === "0" || flag === "7") files.add(name);
    entries.push(entryOf(one, linkName ?? ""));
  }
  return entries;
}

function entryOf({ attribute, size, ...one }: Choice, linkName: string): WrittenEntry {
  const { flag, mtime } = one;
  const isFile = flag === "0" || flag === "7";
  const takesAttribute = isFile || flag === "5";
  return {
    ...one,
    mtime: Math.floor(mtime),
    ...(isFile && { content: Buffer.alloc(size, one.name) }),
    ...(flag === "1" && { linkName }),
    ...(flag === "2" && { linkName: `t/${one.name}` }),
    ...((flag === "3" || flag === "4") && { major: 1, minor: 3 }),
    pax: {
      ...(Number.isInteger(mtime) ? {} : { mtime: String(mtime) }),
      ...(attribute !== undefined && takesAttribute && { [`SCHILY.xattr.${attribute}`]: "value\n\xff" }),
    },
  };
}

function parentsOf(folder: string): string[] {
  const parts = folder.split("/").filter((part) => part !== "");
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}
