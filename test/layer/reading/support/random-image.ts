import fc from "fast-check";
import type { WrittenEntry } from "../../../tar/support/tar-writer.ts";

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
  "3",
  "whiteout",
  "whiteout",
  "opaque",
] as const;

const path = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("/"));

const entry: fc.Arbitrary<WrittenEntry> = fc
  .record({
    name: path,
    kind: fc.constantFrom(...KINDS),
    target: path,
    mode: fc.constantFrom(0o644, 0o755, 0o600, 0o4755, 0o1777),
    uid: fc.constantFrom(0, 7),
    mtime: fc.constantFrom(1, 1_600_000_000),
    size: fc.constantFrom(0, 3, 600),
    attribute: fc.constantFrom(undefined, undefined, "user.a"),
  })
  .map(({ name, kind, target, mode, uid, mtime, size, attribute }): WrittenEntry => {
    const common = { mode, uid, mtime };
    const slash = name.lastIndexOf("/") + 1;
    switch (kind) {
      case "whiteout":
        return { ...common, name: `${name.slice(0, slash)}.wh.${name.slice(slash)}`, flag: "0" };
      case "opaque":
        return { ...common, name: `${name}/.wh..wh..opq`, flag: "0" };
      case "0":
        return {
          ...common,
          name,
          flag: "0",
          content: Buffer.alloc(size, target),
          ...(attribute !== undefined && { pax: { [`SCHILY.xattr.${attribute}`]: "v" } }),
        };
      case "3":
        return { ...common, name, flag: "3", major: 1, minor: 3 };
      default:
        return { ...common, name, flag: kind, ...((kind === "1" || kind === "2") && { linkName: target }) };
    }
  });

/** Images of a few layers in which little is left as it was: some of them no image that can be unpacked. */
export const randomImage: fc.Arbitrary<WrittenEntry[][]> = fc.array(fc.array(entry, { maxLength: 10 }), {
  minLength: 1,
  maxLength: 4,
});
