import type { ByteString } from "../../tar/byte-string.ts";
import type { Skippable, SkippedKind } from "./unpack-outcome.ts";

/** Most entries that are named for what was skipped. */
const MAX_EXAMPLES = 8;

/** Counts what the host could not do. */
export class SkippedKinds {
  readonly #counts = new Map<Skippable, number>();
  readonly #examples = new Map<Skippable, ByteString[]>();

  /** @param example the entry concerned */
  add(kind: Skippable, example: ByteString): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    const examples = this.#examples.get(kind) ?? [];
    this.#examples.set(kind, examples);
    if (examples.length < MAX_EXAMPLES) examples.push(example);
  }

  /** Everything so far, by kind. */
  list(): SkippedKind[] {
    return [...this.#counts].map(([kind, count]) => ({
      kind,
      count,
      examples: this.#examples.get(kind) ?? [],
    }));
  }
}

const NAMES: Readonly<Record<Skippable, string>> = {
  device: "devices",
  fifo: "FIFOs",
  owner: "owners",
  xattr: "extended attributes",
};

/** What was skipped of one kind, for people. */
export function skippedInWords({ kind, count, examples }: SkippedKind): string {
  return `${count} ${NAMES[kind]}, such as ${examples.map((one) => JSON.stringify(one || "/")).join(", ")}`;
}
