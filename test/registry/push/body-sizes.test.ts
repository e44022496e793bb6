import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHUNK_BYTES } from "../../../src/registry/push/body-limit.ts";
import { BodySizes } from "../../../src/registry/push/body-sizes.ts";

const MiB = 1024 * 1024;

describe("BodySizes", () => {
  it.each([
    [0, 0, 0],
    [10, 0, 10],
    [CHUNK_BYTES, 0, CHUNK_BYTES],
    [CHUNK_BYTES + 1, 0, CHUNK_BYTES],
    [1_000 * MiB, 5 * MiB, CHUNK_BYTES],
    [1_000 * MiB, 100 * MiB, 100 * MiB],
    [80 * MiB, 100 * MiB, 80 * MiB],
  ])("sends of %d bytes, with a minimum of %d, the first %d", (remaining, minChunkBytes, bytes) => {
    expect(new BodySizes().next(remaining, minChunkBytes)).toBe(bytes);
  });

  it("tries a quarter of what was too large, down to 1 MiB", () => {
    const sizes = new BodySizes();
    for (const expected of [8, 2, 1]) {
      expect(sizes.tooLarge(sizes.next(1_000 * MiB, 0), 0)).toBe(true);
      expect(sizes.next(1_000 * MiB, 0)).toBe(expected * MiB);
    }
    expect(sizes.tooLarge(MiB, 0)).toBe(false);
    expect(sizes.next(1_000 * MiB, 0)).toBe(MiB);
  });

  it("goes back to where it began when a body that had grown was too large", () => {
    const sizes = new BodySizes();
    sizes.taken(CHUNK_BYTES, 0);
    expect(sizes.tooLarge(sizes.next(1_000 * MiB, 0), 0)).toBe(true);
    expect(sizes.next(1_000 * MiB, 0)).toBe(CHUNK_BYTES);
    sizes.taken(CHUNK_BYTES, 0);
    expect(sizes.next(1_000 * MiB, 0)).toBe(CHUNK_BYTES);
    expect(sizes.noChunks()).toBe(false);
  });

  it("does not go below the registry's own minimum", () => {
    const sizes = new BodySizes();
    expect(sizes.tooLarge(10 * MiB, 5 * MiB)).toBe(true);
    expect(sizes.next(10 * MiB, 5 * MiB)).toBe(5 * MiB);
    expect(sizes.tooLarge(5 * MiB, 5 * MiB)).toBe(false);
  });

  it("stays small when a larger body was refused later", () => {
    const sizes = new BodySizes();
    sizes.tooLarge(8 * MiB, 0);
    sizes.tooLarge(40 * MiB, 0);
    expect(sizes.next(1_000 * MiB, 0)).toBe(2 * MiB);
  });

  it("sends everything at once where there are no chunks, unless bodies may be too large", () => {
    const sizes = new BodySizes();
    expect(sizes.noChunks()).toBe(true);
    expect(sizes.next(1_000 * MiB, 0)).toBe(1_000 * MiB);
    expect(sizes.tooLarge(1_000 * MiB, 0)).toBe(false);
    expect(sizes.noChunks()).toBe(false);

    const small = new BodySizes();
    small.tooLarge(CHUNK_BYTES, 0);
    expect(small.noChunks()).toBe(false);
    expect(small.next(CHUNK_BYTES, 0)).toBe(8 * MiB);
  });

  it("always sends something, within the registry's minimum, whatever is refused", () => {
    const refusals = fc.array(fc.constantFrom("413", "chunk"));
    const bytesOf = fc.integer({ min: 1, max: 2 ** 40 });
    const minimum = fc.integer({ min: 0, max: 2 ** 30 });
    fc.assert(
      fc.property(bytesOf, minimum, refusals, (remaining, minChunkBytes, all) => {
        const sizes = new BodySizes();
        for (const refusal of all) {
          const bytes = sizes.next(remaining, minChunkBytes);
          expect(bytes).toBeGreaterThan(0);
          expect(bytes).toBeGreaterThanOrEqual(Math.min(remaining, minChunkBytes));
          const isSmaller = refusal === "413" && sizes.tooLarge(bytes, minChunkBytes);
          if (refusal === "chunk") sizes.noChunks();
          expect(sizes.next(remaining, minChunkBytes) < bytes).toBe(isSmaller);
        }
      }),
    );
  });
});
