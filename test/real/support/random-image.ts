import { basename } from "node:path";
import { type Seeded, seeded } from "../../chaos/support/seeded.ts";
import { plausibleImage } from "../../layer/support/plausible-image.ts";
import type { WrittenEntry } from "../../tar/support/tar-writer.ts";
import type { Layers } from "./layered-image.ts";

/** What links lead to, some of them further up than the image goes. */
const TARGETS = ["a", "b", "/a", "/b/c", "a/b", "nowhere", "..", "../b", "../../c/a", "/../c", "b/../c"];

/** An image of a few layers whose entries have few names, so that they meet in all ways: through links, in the place of each other. */
export function randomImage(seed: string): Layers {
  const random = seeded(seed);
  let number = 0;
  return plausibleImage(
    Array.from({ length: 2 + random.int(3) }, () =>
      withoutDoubtfulAttributes(
        Array.from({ length: 1 + random.int(6) }, () => randomEntry(random, ++number)),
      ),
    ),
  );
}

/**
 * A directory that comes again in its layer keeps what attributes it had to GNU tar, docker and containerd, and loses them to umoci.
 * What comes again through a link has the same last name.
 */
function withoutDoubtfulAttributes(entries: readonly WrittenEntry[]): WrittenEntry[] {
  const directories = entries.filter(({ flag }) => flag === "5").map(({ name }) => basename(name));
  return entries.map((entry) => {
    const times = directories.filter((name) => name === basename(entry.name)).length;
    return entry.flag === "5" && times > 1 ? { ...entry, pax: {} } : entry;
  });
}

function randomEntry(random: Seeded, number: number): WrittenEntry {
  const name = randomPath(random);
  const common = { mtime: 1_000 + number, uid: random.int(3), gid: random.int(3) };
  const pax: Record<string, string> = random.chance(0.25)
    ? { [`SCHILY.xattr.user.${random.int(2)}`]: `v${number}` }
    : {};
  const slash = name.lastIndexOf("/") + 1;
  switch (
    random.pick(["dir", "dir", "file", "file", "file", "link", "hard", "whiteout", "opaque", "special"])
  ) {
    case "dir":
      return { name, flag: "5", mode: random.pick([0o755, 0o700, 0o1777]), ...common, pax };
    case "file":
      return { name, content: `content ${number}`, mode: random.pick([0o644, 0o4755]), ...common, pax };
    case "link":
      return { name, flag: "2", linkName: random.pick(TARGETS), ...common };
    case "hard":
      return { name, flag: "1", linkName: randomPath(random), ...common };
    case "whiteout":
      return { name: `${name.slice(0, slash)}.wh.${name.slice(slash)}`, ...common };
    case "opaque":
      return { name: `${name}/.wh..wh..opq`, ...common };
    default:
      return { name, flag: random.pick(["6", "3"]), major: 1, minor: 3, ...common };
  }
}

function randomPath(random: Seeded): string {
  return Array.from({ length: 1 + random.int(3) }, () => random.pick(["a", "b", "c"])).join("/");
}
