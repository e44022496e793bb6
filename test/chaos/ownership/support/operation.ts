import type { Random } from "./random.ts";

/** One thing that a process does with a data root. */
export type Operation =
  | { readonly kind: "pull"; readonly name: string; readonly layers: PulledLayers }
  | { readonly kind: "unpack" | "assemble"; readonly name: string }
  | { readonly kind: "use"; readonly user: string; readonly name: string }
  | { readonly kind: "unuse"; readonly user: string }
  | { readonly kind: "push"; readonly name: string }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "tag"; readonly name: string; readonly target: string }
  | { readonly kind: "import"; readonly archive: string }
  | { readonly kind: "prune" }
  | { readonly kind: "delete"; readonly digest: string }
  | { readonly kind: "namespace add" | "namespace delete"; readonly digest: string };

/** What a pull makes of layers: blobs, blobs and unpacked layers, or unpacked layers alone. Without layers there are blobs. */
export type PulledLayers = "blobs" | "both" | "unpacked";

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
  /** Who may keep layers beside images. */
  readonly users: readonly string[];
  /** Chain IDs of the images' layers, by reference, lowest first. */
  readonly chains: Readonly<Record<string, readonly string[]>>;
}

/** What a process is told to do. */
export interface Task {
  readonly root: string;
  /** Operations of one list run at the same time, the lists one after the other. */
  readonly steps: readonly (readonly Operation[])[];
  /**
   * Work that goes on from the first step to the last: one piece that begins before the one before has ended, or one lease, within
   * which nothing may go that an operation has brought.
   */
  readonly meanwhile: "nothing" | "pieces" | "lease";
  /** Whether the engine has layers. */
  readonly layers: boolean;
  /** Chain IDs by reference, as in `Material`. */
  readonly chains: Material["chains"];
}

/** What a process says: that a step begins, or that all is done, with the codes of errors and what was no error of ours. */
export type Report =
  | { readonly kind: "step" }
  | { readonly kind: "done"; readonly strange: readonly string[] };

const LAYERS: readonly PulledLayers[] = ["blobs", "both", "unpacked"];

/** How often operations are drawn that only engines with layers can do. */
interface DrawOptions {
  readonly layers: boolean;
}

/** Draws an operation; one in three is about layers, where there are any. */
export function drawOperation(random: Random, material: Material, { layers }: DrawOptions): Operation {
  const names = [...material.references, ...material.tags];
  if (layers && random.below(3) === 0) return drawOfLayers(random, material);
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return { kind: "pull", name: random.pick(material.references), layers: random.pick(LAYERS) };
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

function drawOfLayers(random: Random, { references, tags, users }: Material): Operation {
  const name = random.pick([...references, ...tags]);
  switch (random.below(6)) {
    case 0:
    case 1:
      return { kind: "pull", name: random.pick(references), layers: random.pick(LAYERS) };
    case 2:
      return { kind: "unpack", name };
    case 3:
      return { kind: "assemble", name };
    case 4:
      return { kind: "use", user: random.pick(users), name };
    default:
      return { kind: "unuse", user: random.pick(users) };
  }
}
