import type { Random } from "./random.ts";

/** One thing that a process does with a data root. */
export type Operation =
  | { readonly kind: "pull"; readonly name: string }
  | { readonly kind: "push"; readonly name: string }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "tag"; readonly name: string; readonly target: string }
  | { readonly kind: "import"; readonly archive: string }
  | { readonly kind: "prune" }
  | { readonly kind: "delete"; readonly digest: string }
  | { readonly kind: "namespace add" | "namespace delete"; readonly digest: string };

/** What the operations of a run are about. */
export interface Material {
  /** References that can be pulled. */
  readonly references: readonly string[];
  /** Names that only tags make. */
  readonly tags: readonly string[];
  /** Archives, one of which is cut off. */
  readonly archives: readonly string[];
  /** Everything that the images consist of. */
  readonly digests: readonly string[];
}

/** What a process is told to do. */
export interface Task {
  readonly root: string;
  /** Operations of one list run at the same time, the lists one after the other. */
  readonly steps: readonly (readonly Operation[])[];
  /** Whether other work goes on from the first step to the last, one beginning before the one before has ended. */
  readonly overlaps: boolean;
}

/** What a process says: that a step begins, or that all is done, with the codes of errors and what was no error of ours. */
export type Report =
  | { readonly kind: "step" }
  | { readonly kind: "done"; readonly strange: readonly string[] };

/** Draws an operation. */
export function drawOperation(random: Random, material: Material): Operation {
  const names = [...material.references, ...material.tags];
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return { kind: "pull", name: random.pick(material.references) };
    case 3:
      return { kind: "push", name: random.pick(names) };
    case 4:
    case 5:
      return { kind: "remove", name: random.pick(names) };
    case 6:
      return { kind: "tag", name: random.pick(names), target: random.pick(material.tags) };
    case 7:
      return { kind: "import", archive: random.pick(material.archives) };
    case 8:
      return { kind: "prune" };
    case 9:
      return { kind: "delete", digest: random.pick(material.digests) };
    case 10:
      return { kind: "namespace add", digest: random.pick(material.digests) };
    default:
      return { kind: "namespace delete", digest: random.pick(material.digests) };
  }
}
