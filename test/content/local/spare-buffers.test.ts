import { describe, expect, it } from "vitest";
import { giveBackBuffer, takeBuffer } from "../../../src/content/local/spare-buffers.ts";

describe("takeBuffer()", () => {
  it("gives what has room, and nothing that somebody has", () => {
    const [one, other] = [takeBuffer(5_000), takeBuffer(5_000)];
    expect(one).not.toBe(other);
    expect(one.length).toBe(8_192);
    expect(takeBuffer(1).length).toBe(4_096);
    expect(takeBuffer(8_193).length).toBe(16_384);
    giveBackBuffer(one);
    expect(takeBuffer(8_192)).toBe(one);
    expect(takeBuffer(8_192)).not.toBe(one);
  });

  it("keeps two megabytes for the next one, and no more", () => {
    const buffers = Array.from({ length: 64 }, () => takeBuffer(256 * 1024));
    buffers.forEach(giveBackBuffer);
    const again = Array.from({ length: 64 }, () => takeBuffer(256 * 1024));
    expect(again.filter((buffer) => buffers.includes(buffer)).length).toBeLessThanOrEqual(8);
    expect(again.filter((buffer) => buffers.includes(buffer)).length).toBeGreaterThan(0);
  });
});
