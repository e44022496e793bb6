import { readFileSync } from "node:fs";
import type { HostAbilities } from "./host-abilities.ts";

/** Which of the identities of a user namespace there are: first one and how many. */
type Range = readonly [first: number, count: number];

/** Whose a file is. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Whose the files are that this process makes. */
export function ownIds(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** The identity that files get by themselves, and those that they can be given. */
export class OwnerPolicy {
  readonly #own = ownIds();
  readonly #mayGive: (uid: number, gid: number) => boolean;

  constructor({ owners }: Pick<HostAbilities, "owners">) {
    switch (owners) {
      case "any":
        this.#mayGive = () => true;
        break;
      case "own":
        this.#mayGive = () => false;
        break;
      case "mapped": {
        const [uids, gids] = [readIdMap("uid"), readIdMap("gid")];
        this.#mayGive = (uid, gid) => isMapped(uids, uid) && isMapped(gids, gid);
      }
    }
  }

  /** Whether a file that was just made has the owner of the entry, or is to be given it, or cannot be. */
  judge({ uid, gid }: Owner): "is so" | "give" | "cannot" {
    if (uid === this.#own.uid && gid === this.#own.gid) return "is so";
    return this.#mayGive(uid, gid) ? "give" : "cannot";
  }
}

/** Which identities there are in this user namespace. */
function readIdMap(kind: "uid" | "gid"): Range[] {
  const lines = readFileSync(`/proc/self/${kind}_map`, "latin1").trim().split("\n");
  return lines.map((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return [first, count];
  });
}

function isMapped(ranges: readonly Range[], id: number): boolean {
  return ranges.some(([first, count]) => id >= first && id < first + count);
}
