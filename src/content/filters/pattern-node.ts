import type { CharacterTest, PlaceTest } from "./pattern-tests.ts";

/**
 * A regular expression as a tree. `size` counts what it costs once it is written out, repetitions and all.
 * - `character`: one code point that passes
 * - `place`: no code point, but a place that passes
 * - `sequence`: one after the other; empty for the empty expression
 * - `choice`: one of them
 * - `repeat`: `min` to `max` times, any number without `max`
 */
export type PatternNode = { readonly size: number } & (
  | { readonly kind: "character"; readonly test: CharacterTest }
  | { readonly kind: "place"; readonly test: PlaceTest }
  | { readonly kind: "sequence" | "choice"; readonly nodes: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly node: PatternNode; readonly min: number; readonly max?: number }
);

/** One code point. */
export function character(test: CharacterTest): PatternNode {
  return { kind: "character", test, size: 1 };
}

/** A place between code points. */
export function place(test: PlaceTest): PatternNode {
  return { kind: "place", test, size: 1 };
}

/** All of them one after the other, or one of several. */
export function group(kind: "sequence" | "choice", nodes: readonly PatternNode[]): PatternNode {
  return { kind, nodes, size: nodes.reduce((sum, { size }) => sum + size, 1) };
}

/** `min` to `max` times. */
export function repeat(node: PatternNode, min: number, max: number | undefined): PatternNode {
  const size = node.size * Math.max(1, max ?? min + 1) + 1;
  return { kind: "repeat", node, min, ...(max !== undefined && { max }), size };
}
