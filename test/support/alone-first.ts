import { BaseSequencer, type TestSpecification } from "vitest/node";
import { randomFrom } from "../chaos/ownership/support/random.ts";

/** Folders of the longest tests, longest first: whoever begins with one of them at the end keeps all waiting. */
const LONG = ["/test/chaos/ownership/", "/test/chaos/", "/test/real/"];

/**
 * Files in the order that the seed of the run draws, but those with a process of their own first, and the longest of them before
 * the others. Those that share a process come one after the other: a worker ends when the next file cannot go on in it.
 */
export class AloneFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const drawn = shuffled(files, this.ctx.config.sequence.seed);
    return drawn.toSorted((some, others) => rank(some) - rank(others));
  }
}

function rank({ project, moduleId }: TestSpecification): number {
  if (!project.config.isolate) return LONG.length + 1;
  const place = LONG.findIndex((folder) => moduleId.includes(folder));
  return place === -1 ? LONG.length : place;
}

/** The same files in an order that the seed determines, whatever order they were found in. */
function shuffled(files: readonly TestSpecification[], seed: number): TestSpecification[] {
  const random = randomFrom(seed);
  const found = files.toSorted((some, others) => (some.moduleId < others.moduleId ? -1 : 1));
  const drawn = found.map((file) => ({ file, place: random.below(2 ** 32) }));
  return drawn.toSorted((some, others) => some.place - others.place).map(({ file }) => file);
}
