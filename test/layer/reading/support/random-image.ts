import fc from "fast-check";
import { ownsAll } from "../../../support/owns-all.ts";
import type { WrittenEntry } from "../../../tar/support/tar-writer.ts";
import { plausibleImage } from "../../support/plausible-image.ts";

const NAMES = ["a", "b", "c", "\xc3\xa4"];
const KINDS = [
  "0",
  "0",
  "0",
  "0",
  "1",
  "2",
  "5",
  "5",
  "5",
  "6",
  ownsAll ? "3" : "6", // whoever can make no device lets another layer have something below its name
  "whiteout",
  "whiteout",
  "opaque",
] as const;

const isRoot = process.geteuid?.() === 0;

const path = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("/"));

/** Where symbolic links lead: anywhere, also up, further than that is, and through places where nothing may be. */
const linkText = fc
  .tuple(
    fc.constantFrom("", "", "/"),
    fc.array(fc.constantFrom(...NAMES, "..", "."), { minLength: 1, maxLength: 4 }),
  )
  .map(([root, parts]) => `${root}${parts.join("/")}`);

const entry: fc.Arbitrary<WrittenEntry> = fc
  .record({
    name: path,
    kind: fc.constantFrom(...KINDS),
    target: path,
    linkText,
    mode: fc.constantFrom(0o644, 0o755, 0o600, 0o4755, 0o1777),
    uid: fc.constantFrom(0, 7),
    mtime: fc.constantFrom(1, 1_600_000_000),
    size: fc.constantFrom(0, 3, 600),
    attribute: fc.constantFrom(undefined, undefined, "user.a"),
  })
  .map(({ mode, uid, mtime, ...choice }): WrittenEntry => {
    const entered = choice.kind === "5" && !isRoot ? mode | 0o700 : mode; // others could not look into their own layers
    return { mode: entered, uid, mtime, ...entryOf(choice) };
  });

interface Choice {
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  readonly target: string;
  readonly linkText: string;
  readonly size: number;
  readonly attribute: string | undefined;
}

function entryOf({ name, kind, target, linkText, size, attribute }: Choice): WrittenEntry {
  const slash = name.lastIndexOf("/") + 1;
  if (kind === "whiteout") return { name: `${name.slice(0, slash)}.wh.${name.slice(slash)}`, flag: "0" };
  if (kind === "opaque") return { name: `${name}/.wh..wh..opq`, flag: "0" };
  if (kind === "3") return { name, flag: kind, major: 1, minor: 3 };
  if (kind === "2") return { name, flag: kind, linkName: linkText };
  if (kind !== "0") return { name, flag: kind, linkName: kind === "1" ? target : "" };
  const pax: Record<string, string> = attribute === undefined ? {} : { [`SCHILY.xattr.${attribute}`]: "v" };
  return { name, flag: kind, content: Buffer.alloc(size, target), pax };
}

/** Images of a few layers in which little is left as it was below: some of them no image that can be unpacked. */
export const randomImage: fc.Arbitrary<WrittenEntry[][]> = fc
  .array(fc.array(entry, { maxLength: 10 }), { minLength: 1, maxLength: 4 })
  .map(plausibleImage);
