import { parsePattern } from "./parse-pattern.ts";
import type { PatternNode } from "./pattern-node.ts";
import type { CharacterTest, PlaceTest } from "./pattern-tests.ts";

/** Longest expression, in UTF-16 units: the longest label. */
const MAX_PATTERN_LENGTH = 4_096;

/** Most states of a compiled expression, enough for `.{1000}`: in the worst case each is looked at for each character. */
const MAX_STATES = 1_024;

/** Index of the state that ends it all. */
const MATCH = 0;

/**
 * A state of the automaton.
 * - a `character` state consumes one code point that passes
 * - a `place` state consumes nothing, and needs a place that passes
 * - a `split` state goes on in two places at once
 * - the `match` state ends it
 */
type State =
  | { readonly kind: "character"; readonly test: CharacterTest; readonly next: number }
  | { readonly kind: "place"; readonly test: PlaceTest; readonly next: number }
  | { readonly kind: "split"; readonly next: number; other: number }
  | { readonly kind: "match" };

/**
 * Compiles a regular expression of `~=` to a test whether a text contains a match; `undefined` for an expression that
 * `parsePattern` does not take, or that is too large. Patterns and texts come from strangers, so this is Thompson's
 * automaton: time grows with pattern times text and nothing else, where JavaScript's own engine can hang.
 */
export function compilePattern(pattern: string): ((text: string) => boolean) | undefined {
  if (pattern.length > MAX_PATTERN_LENGTH) return undefined;
  const node = parsePattern(pattern);
  if (!node || node.size > MAX_STATES) return undefined;
  const states: State[] = [{ kind: "match" }];
  const start = build(node, MATCH, states);
  return (text) => contains(states, start, text);
}

/** Adds the states of `node`, which go on at `next`; built from the end, so that what comes next is known. */
function build(node: PatternNode, next: number, states: State[]): number {
  switch (node.kind) {
    case "character":
      return states.push({ kind: "character", test: node.test, next }) - 1;
    case "place":
      return states.push({ kind: "place", test: node.test, next }) - 1;
    case "sequence":
      return node.nodes.reduceRight((at, part) => build(part, at, states), next);
    case "choice":
      return node.nodes
        .map((part) => build(part, next, states))
        .reduceRight((other, at) => states.push({ kind: "split", next: at, other }) - 1);
    case "repeat":
      return buildRepeat(node, next, states);
    default:
      return node satisfies never;
  }
}

function buildRepeat(
  { node, min, max }: Extract<PatternNode, { kind: "repeat" }>,
  next: number,
  states: State[],
): number {
  let at = max === undefined ? buildLoop(node, next, states) : next;
  for (let optional = min; optional < (max ?? min); optional++) {
    at = states.push({ kind: "split", next: build(node, at, states), other: next }) - 1;
  }
  for (let required = 0; required < min; required++) at = build(node, at, states);
  return at;
}

function buildLoop(node: PatternNode, next: number, states: State[]): number {
  const loop: Extract<State, { kind: "split" }> = { kind: "split", next, other: next };
  const at = states.push(loop) - 1;
  loop.other = build(node, at, states);
  return at;
}

function contains(states: readonly State[], start: number, text: string): boolean {
  const codePoints = Array.from(text, (part) => part.codePointAt(0) ?? 0);
  /** Where a state was looked at last; once per place is enough, also for a loop that consumes nothing. */
  const seenAt = new Int32Array(states.length).fill(-1);
  let arrived: number[] = [];
  for (let at = 0; at <= codePoints.length; at++) {
    const pending = [start, ...arrived];
    const [before, after] = [codePoints[at - 1], codePoints[at]];
    arrived = [];
    while (pending.length > 0) {
      const index = pending.pop() ?? MATCH;
      if (index === MATCH) return true;
      if (seenAt[index] === at) continue;
      seenAt[index] = at;
      const { here, beyond } = follow(states[index], before, after);
      pending.push(...here);
      arrived.push(...beyond);
    }
  }
  return false;
}

const NOWHERE: readonly number[] = [];

/** The states that `state` leads to: at the same place, and behind the next code point. */
function follow(
  state: State | undefined,
  before: number | undefined,
  after: number | undefined,
): { readonly here: readonly number[]; readonly beyond: readonly number[] } {
  if (state?.kind === "split") return { here: [state.next, state.other], beyond: NOWHERE };
  if (state?.kind === "place" && state.test(before, after)) return { here: [state.next], beyond: NOWHERE };
  const consumes = state?.kind === "character" && after !== undefined && state.test(after);
  return { here: NOWHERE, beyond: consumes ? [state.next] : NOWHERE };
}
