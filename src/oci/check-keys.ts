import { scanKeys } from "./scan-keys.ts";

/** A key that a document of some kind has, and the shape of the object, or of each object of the list, behind it. */
interface KnownKey {
  readonly key: string;
  readonly below: KeyShape | undefined;
}

/** The keys that are read of an object, by their folded spelling. Other keys are nobody's business. */
export type KeyShape = ReadonlyMap<string, KnownKey>;

/** The shape of an object whose keys are read as they stand in `keys`, with the shapes below them where there are any. */
export function keyShape(keys: Readonly<Record<string, KeyShape | undefined>>): KeyShape {
  return new Map(Object.entries(keys).map(([key, below]) => [foldCase(key), { key, below }]));
}

/** The shape of an object whose keys are read and have nothing below them. */
export function flatShape(keys: readonly string[]): KeyShape {
  return keyShape(Object.fromEntries(keys.map((key) => [key, undefined])));
}

interface Frame {
  /** Of the object itself, or of each element of the list; `undefined` where keys do not matter. */
  readonly shape: KeyShape | undefined;
  readonly isList: boolean;
  readonly seen: Set<string>;
  /** Of the value of the newest key. */
  below: KeyShape | undefined;
}

/**
 * What is wrong with the keys of the JSON `text`, at whatever depth: a key of `shape` that comes twice in one object or is spelt
 * in another case, because Go's decoder takes such keys for the same one and `JSON.parse` does not. `undefined` when nothing is.
 * Throws what `scanKeys` throws.
 */
export function oddKey(text: string, shape: KeyShape): string | undefined {
  const frames: Frame[] = [];
  let found: string | undefined;
  scanKeys(text, {
    open(kind) {
      const around = frames.at(-1);
      const own = around ? (around.isList ? around.shape : around.below) : shape;
      frames.push({ shape: own, isList: kind === "list", seen: new Set(), below: undefined });
    },
    key(name) {
      const frame = frames.at(-1);
      const known = frame?.isList ? undefined : frame?.shape?.get(foldCase(name));
      if (!frame) return;
      frame.below = known?.below;
      if (!known) return;
      if (known.key !== name) found ??= `got key ${JSON.stringify(name)}, wanted "${known.key}"`;
      else if (frame.seen.has(name)) found ??= `got key "${name}" twice`;
      frame.seen.add(name);
    },
    close() {
      frames.pop();
    },
  });
  return found;
}

/** Folds both ways round: Go also takes the long s (U+017F) for an s and the Kelvin sign (U+212A) for a k. */
function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}
