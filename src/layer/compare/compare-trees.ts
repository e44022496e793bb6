import { ErrUnknown } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { type DescribedEntry, type DescribeOptions, describeTree } from "./describe-tree.ts";

/** An entry that is not as it should be. */
export interface TreeDifference {
  readonly name: ByteString;
  /** What about it: `missing`, `not of the layer`, or what of it is another: `content, time`. */
  readonly what: string;
}

/** How trees are compared. */
export interface CompareOptions extends DescribeOptions {
  /** Directories whose times are nobody's word. */
  readonly timeless: ReadonlySet<ByteString>;
}

/**
 * Where a directory tree differs from what it should be, in the order of the names. Throws as `describeTree` does, and `ErrUnknown`
 * when something of `wanted` cannot be read.
 */
export async function* compareTrees(
  found: string,
  wanted: string,
  { timeless, ...options }: CompareOptions,
): AsyncGenerator<TreeDifference, void> {
  const ours = describeTree(found, options);
  const theirs = describeTree(wanted, options);
  try {
    for await (const pair of inPairs(ours, theirs)) {
      const what = differenceIn(pair, timeless);
      if (what !== "") yield { name: (pair.found ?? pair.wanted)?.name ?? "", what };
    }
  } finally {
    await ours.return(false);
    await theirs.return(false);
  }
}

/** An entry in both trees, or in one of them. */
interface Pair {
  readonly found?: DescribedEntry;
  readonly wanted?: DescribedEntry;
}

type Described = ReturnType<typeof describeTree>;

async function* inPairs(ours: Described, theirs: Described): AsyncGenerator<Pair> {
  let [one, other] = [await ours.next(), await theirs.next()];
  while (!one.done || !other.done) {
    const order = inOrder(one, other);
    yield {
      ...(order <= 0 && !one.done && { found: one.value }),
      ...(order >= 0 && !other.done && { wanted: other.value }),
    };
    if (order <= 0) one = await ours.next();
    if (order >= 0) other = await theirs.next();
  }
  // What the modes of both trees keep from this process is in neither of the lists.
  if (one.value && !other.value) throw new ErrUnknown("compare layer: what was unpacked cannot be read");
}

/** Below zero when only the first has the entry that comes next, above when only the second has it. */
function inOrder(
  one: IteratorResult<DescribedEntry, boolean>,
  other: IteratorResult<DescribedEntry, boolean>,
): number {
  if (one.done) return 1;
  if (other.done) return -1;
  const [a, b] = [sortable(one.value.name), sortable(other.value.name)];
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A directory comes before everything whose name goes on where its own ends. */
function sortable(name: ByteString): string {
  return name.replaceAll("/", "\0");
}

function differenceIn({ found, wanted }: Pair, timeless: ReadonlySet<ByteString>): string {
  if (!wanted) return "not of the layer";
  if (!found) return "missing";
  const differ = Object.keys(found.facts).filter((fact) => found.facts[fact] !== wanted.facts[fact]);
  return differ.filter((fact) => fact !== "time" || !timeless.has(found.name)).join(", ");
}
