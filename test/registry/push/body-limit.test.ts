import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyLimit, CHUNK_BYTES, MAX_CHUNK_BYTES } from "../../../src/registry/push/body-limit.ts";

const QUICK_MS = 100;
const SLOW_MS = 10_000;

describe("BodyLimit", () => {
  it("doubles after each longest body that was taken quickly, up to what proxies take", () => {
    const limit = new BodyLimit();
    const lengths = [1, 2, 3, 4].map(() => {
      limit.taken(limit.bytes, QUICK_MS);
      return limit.bytes;
    });
    expect(lengths).toEqual([2 * CHUNK_BYTES, MAX_CHUNK_BYTES, MAX_CHUNK_BYTES, MAX_CHUNK_BYTES]);
    expect(MAX_CHUNK_BYTES).toBeLessThan(100e6);
  });

  it("stays where a body was slow, or shorter than it might have been", () => {
    const limit = new BodyLimit();
    limit.taken(CHUNK_BYTES, SLOW_MS);
    limit.taken(CHUNK_BYTES - 1, QUICK_MS);
    expect(limit.bytes).toBe(CHUNK_BYTES);
  });

  it("counts those that were begun at the same time once", () => {
    const limit = new BodyLimit();
    for (const bytes of [CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES]) limit.taken(bytes, QUICK_MS);
    expect(limit.bytes).toBe(2 * CHUNK_BYTES);
  });

  it("never grows again once a body was refused, nor beyond what it was lowered to", () => {
    const body = fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), isRefused: fc.boolean() });
    fc.assert(
      fc.property(fc.array(body), (bodies) => {
        const limit = new BodyLimit();
        let lowered = Number.POSITIVE_INFINITY;
        for (const { share, isRefused } of bodies) {
          const before = limit.bytes;
          const bytes = Math.ceil(before * share);
          if (isRefused) {
            limit.lower(bytes);
            lowered = Math.min(lowered, bytes);
          } else limit.taken(bytes, QUICK_MS);
          expect(limit.bytes).toBeLessThanOrEqual(Math.min(lowered, MAX_CHUNK_BYTES));
          expect(limit.bytes).toBeGreaterThanOrEqual(isRefused || lowered < before ? 0 : before);
        }
      }),
    );
  });
});
