import { describe, expect, it } from "vitest";
import { PieceBuffers } from "../../../src/content/grpc/piece-buffers.ts";

const MIB = 1_048_576;

describe("PieceBuffers", () => {
  it("gives room for what is wanted, at most a piece, and for what stands before it", () => {
    using room = new PieceBuffers(7).forCall();
    const sizes = [1, 65_536, 65_537, MIB, 5 * MIB].map((wanted) => room.take(wanted).byteLength - 7);
    expect(sizes).toEqual([65_536, 65_536, MIB, MIB, MIB]);
  });

  it("has small ones for everybody when the large ones are out, and large ones again afterwards", () => {
    const buffers = new PieceBuffers(0);
    const calls = Array.from({ length: 100 }, () => buffers.forCall());
    const sizes = calls.map((call) => call.take(8 * MIB).byteLength);
    expect(sizes.filter((size) => size === MIB)).toHaveLength(64);
    expect(sizes.filter((size) => size === 65_536)).toHaveLength(36);
    for (const call of calls) call[Symbol.dispose]();
    using next = buffers.forCall();
    expect(next.take(8 * MIB).byteLength).toBe(MIB);
  });

  it.each([100, MIB])("uses those again that were given back, and no others, for %d bytes", (wanted) => {
    const buffers = new PieceBuffers(0);
    using room = buffers.forCall();
    const [kept, lost] = [room.take(wanted), buffers.forCall()];
    const dropped = lost.take(wanted);
    lost[Symbol.dispose]();
    lost.giveBack(dropped); // too late: it may still be on its way
    room.giveBack(kept);
    room.giveBack(kept);
    expect(room.take(wanted)).toBe(kept);
    expect([kept, dropped]).not.toContain(room.take(wanted));
  });
});
