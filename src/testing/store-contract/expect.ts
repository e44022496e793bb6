import assert from "node:assert/strict";
import { inspect } from "node:util";

/** What may be said of a value; each throws an `AssertionError` when it is not so. */
interface Claims {
  /** The same value. */
  toBe(wanted: unknown): void;
  /** Of the same content; properties that are `undefined` count as absent. */
  toEqual(wanted: unknown): void;
  /** An object that has these properties, and perhaps others. */
  toMatchObject(wanted: object): void;
  toBeInstanceOf(wanted: ErrorClass): void;
  toBeUndefined(): void;
  toBeLessThan(wanted: number | bigint): void;
  toBeLessThanOrEqual(wanted: number | bigint): void;
  toBeGreaterThanOrEqual(wanted: number | bigint): void;
  /** A list with this member, or a text with this part. */
  toContain(wanted: unknown): void;
  toHaveLength(wanted: number): void;
  toLack(property: string): void;
}

/** What may be said of the error that a promise, or what a function gives, rejects with. */
interface RejectionClaims {
  toThrow(wanted: ErrorClass | RegExp | string): Promise<void>;
  toMatchObject(wanted: object): Promise<void>;
}

type ErrorClass = abstract new (...args: never[]) => unknown;

/** Says of a value what must be so. */
export function expect(value: unknown): Claims & { readonly rejects: RejectionClaims } {
  const text = (): string => inspect(value, { depth: 5, maxStringLength: 200, maxArrayLength: 20 });
  return {
    toBe: (wanted) => assert.ok(Object.is(value, wanted), `wanted ${inspect(wanted)}, got ${text()}`),
    toEqual: (wanted) => assert.deepEqual(plain(value), plain(wanted)),
    toMatchObject: (wanted) => matches(value, wanted),
    toBeInstanceOf: (wanted) => assert.ok(value instanceof wanted, `wanted ${wanted.name}, got ${text()}`),
    toBeUndefined: () => assert.ok(value === undefined, `wanted undefined, got ${text()}`),
    toBeLessThan: (wanted) => assert.ok(ordered(value) < wanted, `wanted below ${wanted}, got ${text()}`),
    toBeLessThanOrEqual: (wanted) =>
      assert.ok(ordered(value) <= wanted, `wanted at most ${wanted}, got ${text()}`),
    toBeGreaterThanOrEqual: (wanted) =>
      assert.ok(ordered(value) >= wanted, `wanted at least ${wanted}, got ${text()}`),
    toContain: (wanted) =>
      assert.ok(contains(value, wanted), `wanted ${inspect(wanted)} in it, got ${text()}`),
    toHaveLength: (wanted) =>
      assert.equal((value as { readonly length?: unknown } | undefined)?.length, wanted),
    toLack: (property) =>
      assert.ok(!Object.hasOwn(value as object, property), `wanted no ${property}, got ${text()}`),
    rejects: {
      toThrow: async (wanted) => isLike(await rejectionOf(value), wanted),
      toMatchObject: async (wanted) => matches(await rejectionOf(value), wanted),
    },
  };
}

async function rejectionOf(value: unknown): Promise<unknown> {
  let result: unknown;
  try {
    result = await (typeof value === "function" ? value() : value);
  } catch (error) {
    return error;
  }
  return assert.fail(`wanted a rejection, got ${inspect(result)}`);
}

function isLike(error: unknown, wanted: ErrorClass | RegExp | string): void {
  const message = error instanceof Error ? error.message : String(error);
  if (typeof wanted === "string") {
    assert.ok(message.includes(wanted), `wanted an error that says ${wanted}, got ${inspect(error)}`);
  } else if (wanted instanceof RegExp) assert.match(message, wanted);
  else assert.ok(error instanceof wanted, `wanted ${wanted.name}, got ${inspect(error)}`);
}

function matches(value: unknown, wanted: object): void {
  assert.deepEqual(picked(value, wanted), plain(wanted));
}

/** Of a value, what there is also in the other one. */
function picked(value: unknown, wanted: unknown): unknown {
  if (typeof value !== "object" || value === null || typeof wanted !== "object" || wanted === null)
    return plain(value);
  if (value instanceof Uint8Array) return plain(value);
  if (Array.isArray(value)) return value.map((each, at) => picked(each, Reflect.get(wanted, at)));
  const keys = Object.keys(wanted).filter((key) => Reflect.get(wanted, key) !== undefined);
  return Object.fromEntries(
    keys.map((key) => [key, picked(Reflect.get(value, key), Reflect.get(wanted, key))]),
  );
}

function ordered(value: unknown): number | bigint {
  if (typeof value === "number" || typeof value === "bigint") return value;
  return assert.fail(`wanted a number, got ${inspect(value)}`);
}

function contains(value: unknown, wanted: unknown): boolean {
  if (typeof value === "string") return typeof wanted === "string" && value.includes(wanted);
  return Array.isArray(value) && value.includes(wanted);
}

/** The same content without classes, and without what is `undefined`. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const kept = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(kept.map(([key, each]) => [key, plain(each)]));
}
