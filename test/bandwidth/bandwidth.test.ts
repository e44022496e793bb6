import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bandwidth, type BandwidthLimits } from "../../src/bandwidth/bandwidth.ts";
import { BURST_MS } from "../../src/bandwidth/bucket.ts";
import type { Direction } from "../../src/bandwidth/flow.ts";
import { LiveBandwidth } from "../../src/bandwidth/live-bandwidth.ts";
import { type Payer, Payers } from "../../src/bandwidth/payers.ts";
import { Tap } from "../../src/bandwidth/tap.ts";
import { ManualClock } from "../xfer/manual-clock.ts";

/** A clock whose time of day is set by the test as well. */
class DayClock extends ManualClock {
  setMs = 0;

  override now(): number {
    return this.elapsed() + this.setMs;
  }
}

interface ReaderOptions {
  readonly payers?: readonly Payer[];
  readonly host?: string;
  readonly direction?: Direction;
  /** Bytes that come at once. */
  readonly chunkBytes?: number;
  /** Bytes per second that its line brings. */
  readonly lineRate?: number;
}

/** A body that takes all that it gets, as fast as its line brings it. */
class Reader {
  readonly tap: Tap;
  readonly payers = new Payers();
  bytes = 0;
  #isOver = false;
  readonly #clock: ManualClock;

  constructor(bandwidth: Bandwidth, clock: ManualClock, options: ReaderOptions = {}) {
    const {
      payers = [],
      host = "registry.example",
      direction = "down",
      chunkBytes = 65_536,
      lineRate,
    } = options;
    for (const payer of payers) this.payers.add(payer);
    this.#clock = clock;
    this.tap = new Tap(bandwidth.flow({ direction, host, payers: this.payers }));
    void this.#read(chunkBytes, lineRate);
  }

  close(): void {
    this.#isOver = true;
    this.tap.close();
  }

  async #read(chunkBytes: number, lineRate: number | undefined): Promise<void> {
    while (!this.#isOver && this.bytes < 1e9) {
      const taken = this.tap.take(chunkBytes, Number.POSITIVE_INFINITY);
      this.bytes += taken;
      if (taken === 0) await this.tap.flowing;
      else if (lineRate !== undefined) await this.#clock.sleep((taken / lineRate) * 1_000);
    }
  }
}

function scene(limits: BandwidthLimits = {}) {
  const clock = new DayClock();
  const bandwidth = new Bandwidth(limits, clock);
  return {
    clock,
    bandwidth,
    payer: (group: string | symbol = Symbol("pull"), limit?: LiveBandwidth | string) =>
      bandwidth.payer({ group, limit }),
    reader: (options?: ReaderOptions) => new Reader(bandwidth, clock, options),
  };
}

function expectWithin(bytes: number, wanted: number, part = 0.05): void {
  expect(bytes).toBeGreaterThan(wanted * (1 - part));
  expect(bytes).toBeLessThan(wanted * (1 + part));
}

describe("Bandwidth", () => {
  it.each([["1k"], ["100k"], ["1M"], ["100M"]])("holds %s within 5 % over 10 s", async (limit) => {
    const { clock, reader } = scene({ all: limit });
    const one = reader();
    await clock.advance(10_000);
    const wanted =
      limit === "1k" ? 1_024 : Number.parseInt(limit, 10) * (limit.endsWith("k") ? 1_024 : 1_048_576);
    expectWithin(one.bytes, wanted * 10);
  });

  it("gives everybody the same, and all of it together", async () => {
    const { clock, reader, payer } = scene({ all: "10M" });
    const readers = Array.from({ length: 7 }, () => reader({ payers: [payer()] }));
    await clock.advance(10_000);
    for (const { bytes } of readers) expectWithin(bytes, 104_857_600 / 7);
    expectWithin(
      readers.reduce((sum, { bytes }) => sum + bytes, 0),
      104_857_600,
    );
  });

  it("shares by groups first, then by pulls, however many bodies each has", async () => {
    const { clock, reader, payer } = scene({ all: 1_000_000 });
    const [big, small] = [payer("big"), payer("big")];
    const alone = payer();
    const many = Array.from({ length: 8 }, () => reader({ payers: [big] }));
    const one = reader({ payers: [small] });
    const other = reader({ payers: [alone] });
    await clock.advance(10_000);
    expectWithin(other.bytes, 5_000_000);
    expectWithin(one.bytes, 2_500_000);
    expectWithin(
      many.reduce((sum, { bytes }) => sum + bytes, 0),
      2_500_000,
      0.1, // what was saved up went to those who came first
    );
    for (const { bytes } of many) expectWithin(bytes, 312_500, 0.25);
  });

  it("gives to the others what one with a slow line, or a limit of its own, does not take", async () => {
    const { clock, reader, payer } = scene({ all: 1_000_000 });
    const slow = reader({ payers: [payer()], lineRate: 100_000, chunkBytes: 4_096 });
    const limited = reader({ payers: [payer(Symbol("limited"), "100000B")] });
    const fast = reader({ payers: [payer()] });
    await clock.advance(10_000);
    expectWithin(slow.bytes, 1_000_000, 0.1);
    expectWithin(limited.bytes, 1_000_000);
    expectWithin(fast.bytes, 8_000_000, 0.07);
  });

  it("does not slow down a line that is slower than the limit", async () => {
    const { clock, reader } = scene({ all: 1_000_000 });
    const one = reader({ lineRate: 900_000 });
    await clock.advance(10_000);
    expectWithin(one.bytes, 9_000_000);
  });

  it("limits a host, a group and a pull, each way by itself", async () => {
    const limits = { hosts: { "slow.example": 200_000 }, groups: { tenants: { down: 300_000 } } };
    const { clock, reader, payer } = scene(limits);
    const live = new LiveBandwidth(100_000);
    const atHost = [1, 2].map(() => reader({ host: "slow.example", payers: [payer()] }));
    const inGroup = [1, 2, 3].map(() => reader({ payers: [payer("tenants")] }));
    const alone = reader({ payers: [payer(Symbol("alone"), live)] });
    const upwards = reader({ payers: [payer("tenants")], direction: "up" });
    const free = reader();
    await clock.advance(10_000);
    expectWithin(
      atHost.reduce((sum, { bytes }) => sum + bytes, 0),
      2_000_000,
    );
    expectWithin(
      inGroup.reduce((sum, { bytes }) => sum + bytes, 0),
      3_000_000,
    );
    for (const { bytes } of inGroup) expectWithin(bytes, 1_000_000);
    expectWithin(alone.bytes, 1_000_000);
    expect(upwards.bytes).toBeGreaterThanOrEqual(1e9);
    expect(free.bytes).toBeGreaterThanOrEqual(1e9);
  });

  it("changes at once, and wakes everybody when there is no limit any more", async () => {
    const { clock, bandwidth, reader } = scene({ all: 1_000 });
    const readers = Array.from({ length: 1_000 }, () => reader());
    await clock.advance(10_000);
    const before = readers.reduce((sum, { bytes }) => sum + bytes, 0);
    expectWithin(before, 10_000);
    bandwidth.set({ all: "1M" });
    await clock.advance(10_000);
    expectWithin(readers.reduce((sum, { bytes }) => sum + bytes, 0) - before, 10 * 1_048_576);
    bandwidth.set({ all: "off" });
    await clock.advance(0);
    for (const { bytes } of readers) expect(bytes).toBeGreaterThanOrEqual(1e9);
  });

  it("stops what had no limit when it gets one", async () => {
    const { clock, bandwidth, reader } = scene();
    const one = reader({ lineRate: 1_000_000 });
    await clock.advance(5_000);
    expectWithin(one.bytes, 5_000_000);
    bandwidth.set({ hosts: { "registry.example": 100_000 } });
    const before = one.bytes;
    await clock.advance(10_000);
    expectWithin(one.bytes - before, 1_000_000);
  });

  it("changes the limit of one pull", async () => {
    const { clock, reader, payer } = scene();
    const live = new LiveBandwidth("1k");
    const one = reader({ payers: [payer("group", live)] });
    await clock.advance(10_000);
    expectWithin(one.bytes, 10_240);
    live.set("1M");
    await clock.advance(10_000);
    expectWithin(one.bytes, 10_240 + 10 * 1_048_576);
  });

  it("lets what several want come as fast as the fastest of them may have it, as long as that one stays", async () => {
    const { clock, reader, payer } = scene();
    const [slow, fast] = [payer(Symbol("slow"), "10k"), payer(Symbol("fast"), "1M")];
    const shared = reader({ payers: [slow] });
    await clock.advance(10_000);
    expectWithin(shared.bytes, 102_400);
    shared.payers.add(fast);
    let before = shared.bytes;
    await clock.advance(10_000);
    expectWithin(shared.bytes - before, 10 * 1_048_576);
    shared.payers.delete(fast);
    before = shared.bytes;
    await clock.advance(10_000);
    expectWithin(shared.bytes - before, 102_400);
  });

  it("follows its timetable by the time of day, also when that is set, and never makes up for lost time", async () => {
    const { clock, reader } = scene({ all: "08:00,100k 12:00,off" });
    clock.setMs = new Date(2025, 5, 2, 7, 59, 55).getTime();
    const one = reader({ lineRate: 1_048_576 });
    await clock.advance(4_000);
    expectWithin(one.bytes, 4 * 1_048_576);
    await clock.advance(3_000); // it is past eight by now
    let before = one.bytes;
    await clock.advance(10_000);
    expectWithin(one.bytes - before, 1_024_000);
    clock.setMs = new Date(2025, 5, 2, 13).getTime();
    await clock.advance(2_000);
    before = one.bytes;
    await clock.advance(10_000);
    expectWithin(one.bytes - before, 10 * 1_048_576);
    one.close();
    await clock.advance(0);
    expect(clock.sleeping).toBe(1); // the reader's own
  });

  it("gives nothing for the time in which the process was stopped", async () => {
    const { clock, reader } = scene({ all: 1_000_000 });
    const one = reader();
    await clock.advance(1_000);
    const before = one.bytes;
    clock.jump(3_600_000);
    await clock.advance(1_000);
    expect(one.bytes - before).toBeLessThan(1_250_000);
  });

  it("takes back what was granted to one that ends, and counts nobody who has left", async () => {
    const { clock, reader, payer } = scene({ all: 100_000 });
    const mine = payer();
    let ended = 0;
    for (let round = 0; round < 100; round++) {
      const short = reader({ payers: [mine], chunkBytes: 100 });
      await clock.advance(100);
      short.close();
      ended += short.bytes;
    }
    expectWithin(ended, 1_000_000);
    const last = reader();
    await clock.advance(10_000);
    expectWithin(last.bytes, 1_000_000);
  });

  it("changes nothing when one of the limits is none", () => {
    const { bandwidth, reader } = scene();
    expect(() => bandwidth.set({ all: "1k", hosts: { a: "x" } })).toThrow("wanted one such as");
    const one = reader();
    expect(one.bytes).toBeGreaterThanOrEqual(1e9);
  });

  it("never lets more pass than all limits allow, whoever comes, goes, or changes them", async () => {
    const step = fc.record({
      ms: fc.nat(400),
      goes: fc.nat(30),
      host: fc.nat(2),
      group: fc.nat(2),
      limit: fc.integer({ min: 1, max: 200_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 15 }), async (steps) => {
        const { clock, reader, payer } = scene({
          all: 500_000,
          hosts: { host1: 100_000 },
          groups: { group1: 50_000 },
        });
        const everybody: Array<(typeof steps)[number] & { sinceMs: number; reader: Reader }> = [];
        for (const one of steps) {
          await clock.advance(one.ms);
          const payers = [payer(`group${one.group}`, `${one.limit}B`)];
          const sinceMs = clock.elapsed();
          everybody.push({ ...one, sinceMs, reader: reader({ payers, host: `host${one.host}` }) });
        }
        for (const { goes } of steps) everybody.at(goes - 15)?.reader.close();
        await clock.advance(2_000);
        const sum = (some: typeof everybody): number =>
          some.reduce((bytes, one) => bytes + one.reader.bytes, 0);
        const most = (rate: number, sinceMs: number): number =>
          (rate * (clock.elapsed() - sinceMs + BURST_MS)) / 1_000 + 1;
        expect(sum(everybody)).toBeLessThanOrEqual(most(500_000, 0));
        expect(sum(everybody.filter(({ host }) => host === 1))).toBeLessThanOrEqual(most(100_000, 0));
        expect(sum(everybody.filter(({ group }) => group === 1))).toBeLessThanOrEqual(most(50_000, 0));
        for (const { limit, sinceMs, reader: one } of everybody) {
          expect(one.bytes).toBeLessThanOrEqual(most(limit, sinceMs));
          one.close();
        }
      }),
      { numRuns: Number(process.env["BANDWIDTH_RUNS"] ?? 20) },
    );
  });
});
