import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  fromInfoMessage,
  fromStatusMessage,
  fromTimestamp,
  toInfoMessage,
  toStatusMessage,
  toTimestamp,
} from "../../../src/content/grpc/content-messages.ts";
import { contentMethods } from "../../../src/content/grpc/content-methods.ts";
import { digestOf } from "../../../src/digest/digest.ts";

/** Nanoseconds from the year 1 to the year 9999: what a timestamp can say. */
const times = fc.bigInt({ min: -62_135_596_800n * 1_000_000_000n, max: 253_402_300_799n * 1_000_000_000n });
const sizes = fc.maxSafeNat();

describe("timestamps", () => {
  it("lose nothing, and have nanoseconds that count forwards", () => {
    fc.assert(
      fc.property(times, (ns) => {
        expect(fromTimestamp(toTimestamp(ns))).toBe(ns);
        expect(toTimestamp(ns).nanos).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(toTimestamp(-1n)).toMatchObject({ seconds: -1n, nanos: 999_999_999 });
    expect(fromTimestamp(undefined)).toBe(0n);
  });
});

describe("infos and statuses", () => {
  it("are the same after a trip over the wire", () => {
    const labels = fc.dictionary(fc.string(), fc.string());
    fc.assert(
      fc.property(sizes, times, times, labels, (size, createdAtNs, updatedAtNs, label) => {
        const info = { digest: digestOf(String(size)), size, createdAtNs, updatedAtNs, labels: label };
        const { encode, decode } = contentMethods.info.response;
        const message = { $typeName: "containerd.services.content.v1.InfoResponse" as const };
        const bytes = encode({ ...message, info: toInfoMessage(info) });
        const back = fromInfoMessage(decode(bytes).info ?? toInfoMessage(info));
        expect(back).toEqual(info);
        expect(Object.keys(back.labels).sort()).toEqual(Object.keys(label).sort());
      }),
    );
    fc.assert(
      fc.property(fc.string(), sizes, sizes, times, (ref, offset, total, startedAtNs) => {
        const status = { ref, offset, total, startedAtNs, updatedAtNs: startedAtNs };
        expect(fromStatusMessage(toStatusMessage(status))).toEqual(status);
        const expected = digestOf(ref);
        expect(fromStatusMessage(toStatusMessage({ ...status, expected }))).toEqual({ ...status, expected });
      }),
    );
  });
});
