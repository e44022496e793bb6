/**
 * Makes the engines of a test process bring all blobs in ranges (`DRAYAGE_TEST_RANGES=all`), or none (`none`), whatever size these have and
 * whatever is asked for: all that is promised of an engine holds both ways.
 */
import { vi } from "vitest";
import type { RangeOptions, RangesParts } from "../../src/remotes/ranges/ranges.ts";

/** Several connections for each content at once, and ranges that also a small one has some of. */
const ALL: RangeOptions = { fromBytes: 1, atOnce: 8, pieceBytes: 16 * 1024, stepMs: 0 };

const NONE: RangeOptions = { fromBytes: Number.POSITIVE_INFINITY };

vi.mock(
  import("../../src/remotes/ranges/ranges.ts"),
  async (original): Promise<typeof import("../../src/remotes/ranges/ranges.ts")> => {
    const real = await original();
    const how = process.env["DRAYAGE_TEST_RANGES"] === "all" ? ALL : NONE;
    class Ranges extends real.Ranges {
      constructor(options: RangeOptions = {}, parts: RangesParts = {}) {
        super({ ...options, ...how }, parts);
      }
    }
    return { ...real, Ranges };
  },
);
