import { describe, expect, it, vi } from "vitest";
import type { ByteRange } from "../../../src/content/byte-ranges.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrNotFound, ErrResourceExhausted, ErrUnavailable } from "../../../src/errors/classes.ts";
import { OCI_LAYER_GZIP } from "../../../src/oci/media-types.ts";
import { fetchInRanges } from "../../../src/remotes/ranges/range-fetch.ts";
import { type RangeOptions, Ranges } from "../../../src/remotes/ranges/ranges.ts";
import { stateOf } from "../../xfer/flush.ts";
import { ManualClock } from "../../xfer/manual-clock.ts";
import {
  type Asked,
  type Manner,
  type NetworkOptions,
  SimulatedNetwork,
} from "./support/simulated-network.ts";

// These say themselves how a blob moves, whatever a run was told.
vi.unmock("../../../src/remotes/ranges/ranges.ts");

const MB = 1_000_000;
const GIB = 1024 ** 3;
const ENDPOINT = "https://registry.example";
const RESET = new ErrUnavailable("reset", { endpoint: ENDPOINT, retryable: true });

describe("fetchInRanges()", () => {
  it("brings a content over several connections where each has a limit", async () => {
    const run = await runOf({ size: GIB, manner: () => ({ rate: 30 * MB }) });
    expect(run.network.bytes).toBe(GIB);
    expect(run.network.mostAtOnce).toBe(16);
    expect(run.tookMs).toBeLessThan((GIB / (30 * MB) / 14) * 1_000);
  });

  it("has all of them within a fifth of a second where each brings as much as the first", async () => {
    const clock = new ManualClock();
    const run = start({ size: GIB, clock, manner: () => ({ rate: 30 * MB }) }, new Ranges({}, { clock }));
    for (let ms = 0; ms < 200; ms += 5) await clock.advance(5);
    expect(run.network.active).toBe(16);
    run.controller.abort();
    await clock.advance(0);
    await run.ended;
  });

  it("goes no further than to where more connections take from those that are there", async () => {
    const run = await runOf({ size: GIB, lineRate: 120 * MB, manner: () => ({ rate: 30 * MB }) });
    expect(run.network.bytes).toBe(GIB);
    expect(run.tookMs).toBeLessThan((GIB / (120 * MB)) * 1_000 * 1.05);
    expect(run.network.asked.length).toBeLessThan(100);
  });

  it("stays with one connection where that fills the line", async () => {
    const run = await runOf({ size: GIB, lineRate: 500 * MB, manner: () => ({ rate: 1_000 * MB }) });
    expect(run.network.bytes).toBe(GIB);
    expect(run.network.asked.length).toBeLessThanOrEqual(15);
    expect(run.tookMs).toBeLessThan((GIB / (500 * MB)) * 1_000 * 1.05);
  });

  it("leaves the first connection no more than a range, which all that is read in order waits for", async () => {
    const run = await runOf({ size: GIB, manner: () => ({ rate: 30 * MB }) });
    const [firstOfOthers] = run.network.asked.map(({ offset }) => offset).filter((offset) => offset > 0);
    const beforeTheyCame = 30 * MB * 0.2;
    expect(firstOfOthers).toBeLessThan(32 * 1024 ** 2 + beforeTheyCame);
  });

  it("has asked for no more at once than a process that is killed may lose", async () => {
    const clock = new ManualClock();
    const run = start({ size: 4 * GIB, clock, manner: () => ({ rate: 30 * MB }) }, new Ranges({}, { clock }));
    await clock.advance(1_500);
    expect(run.network.active).toBe(16);
    let most = 0;
    for (let ms = 0; ms < 5_000; ms += 50) {
      await clock.advance(50);
      most = Math.max(most, run.network.onTheWayBytes);
    }
    expect(most).toBeGreaterThan(30 * MB);
    expect(most).toBeLessThanOrEqual(80 * MB);
    run.controller.abort();
    await clock.advance(0);
    await run.ended;
  });

  it("asks for ranges that are long beside a round trip", async () => {
    const network = { size: 2 * GIB, roundTripMs: 100, manner: () => ({ rate: 30 * MB }) };
    const run = await runOf(network);
    expect(run.network.asked.length).toBeLessThan(140);
    expect(run.tookMs).toBeLessThan(((2 * GIB) / (16 * 30 * MB)) * 1_000 * 1.35);
  });

  it("asks for no part where the thread that receives has no time for more", async () => {
    const run = await runOf({ size: GIB, busyPart: 0.9, manner: () => ({ rate: 30 * MB }) });
    expect(run.network.asked.length).toBe(1);
  });

  it("asks for no part where a limit of bandwidth holds back what comes", async () => {
    const run = await runOf({ size: 100 * MB, manner: () => ({ rate: 5 * MB }) }, { heldPart: 0.9 });
    expect(run.network.bytes).toBe(100 * MB);
    expect(run.network.asked.length).toBe(1);
  });

  it("does not take a line that stands still for a moment for one that is full", async () => {
    const clock = new ManualClock();
    const isStill = (): boolean => clock.elapsed() % 700 >= 550;
    const manner = (): Manner => ({
      get rate() {
        return isStill() ? 0 : 30 * MB;
      },
    });
    const run = start({ size: GIB, clock, manner }, new Ranges({}, { clock }));
    await clock.advance(2_000);
    expect(run.network.active).toBe(16);
    run.controller.abort();
    await clock.advance(0);
    await run.ended;
  });

  it("asks for everything at first, and for no part of what is over soon", async () => {
    const run = await runOf({ size: 16 * MB, manner: () => ({ rate: 60 * MB }) });
    expect(run.network.asked).toEqual([{ number: 0, offset: 0, end: undefined }]);
  });

  it("costs one more request at a server without ranges", async () => {
    const run = await runOf({ size: 300 * MB, manner: () => ({ rate: 30 * MB, whole: true }) });
    expect(run.network.bytes).toBe(300 * MB);
    expect(run.network.asked.length).toBe(2);
    expect(run.tookMs).toBeLessThan(10_100);
  });

  it("gives servers that take long to answer the time that they take", async () => {
    const run = await runOf({ size: GIB, manner: () => ({ rate: 30 * MB, answersAfterMs: 1_500 }) });
    expect(run.network.bytes).toBe(GIB);
    expect(run.tookMs).toBeLessThan(20_000);
    expect(run.network.asked.length).toBeLessThan(110);
  });

  it("leaves the first connection no more for having waited long for something else than its server", async () => {
    const run = await runOf({
      size: GIB,
      manner: ({ number }) => ({ rate: 30 * MB, ...(number === 0 && { answersAfterMs: 20_000 }) }),
    });
    const [firstOfOthers] = run.network.asked.map(({ offset }) => offset).filter((offset) => offset > 0);
    expect(firstOfOthers).toBeLessThan(2 * 30 * MB + 30 * MB * 0.2);
    expect(run.tookMs - 20_000).toBeLessThan((GIB / (30 * MB) / 12) * 1_000);
  });

  it("costs few more requests at a server without ranges that answers ever more slowly", async () => {
    const run = await runOf({
      size: GIB,
      manner: ({ number }) => ({
        rate: 30 * MB,
        whole: true,
        answersAfterMs: number === 0 ? 500 : 3_600_000,
      }),
    });
    expect(run.network.bytes).toBe(GIB);
    expect(run.network.asked.length).toBeLessThan(10);
  });

  it("asks for the whole once more where a server stops giving ranges", async () => {
    const run = await runOf({
      size: 300 * MB,
      manner: ({ number }) => ({ rate: 30 * MB, whole: number >= 6 }),
    });
    expect(run.network.bytes).toBe(300 * MB);
    expect(run.network.asked.filter(({ end }) => end === undefined).length).toBe(2);
  });

  it("leaves a connection that is far slower than the others", async () => {
    const even = await runOf({ size: GIB, manner: () => ({ rate: 30 * MB }) });
    for (const slow of [0, 1, 5, 11, 17, 23]) {
      const manner = ({ number }: Asked): Manner => ({ rate: number === slow ? 1.5 * MB : 30 * MB });
      const run = await runOf({ size: GIB, manner });
      expect(run.network.bytes).toBe(GIB);
      expect(run.tookMs / even.tookMs, `slow: ${slow}`).toBeLessThan(1.15);
    }
  });

  it("is not misled by servers that send the first bytes of a connection at once", async () => {
    const burstBytes = 3 * MB;
    const even = await runOf({ size: GIB, manner: () => ({ rate: 30 * MB, burstBytes }) });
    for (const slow of [1, 2, 3, 4, 7]) {
      const manner = ({ number }: Asked): Manner => ({
        rate: number === slow ? 1.5 * MB : 30 * MB,
        burstBytes,
      });
      const run = await runOf({ size: GIB, manner });
      expect(run.tookMs - even.tookMs, `slow: ${slow}`).toBeLessThan(250);
    }
  });

  it.each([
    ["a trickle", { rate: 1_024 }],
    ["a silent body", { rate: 0 }],
  ])("leaves %s, of whichever request, within seconds", async (_, manner) => {
    for (const slow of [0, 1, 4]) {
      const run = await runOf({
        size: 200 * MB,
        manner: ({ number }) => (number === slow ? manner : { rate: 30 * MB }),
      });
      expect(run.network.bytes).toBe(200 * MB);
      expect(run.tookMs).toBeLessThan(8_000);
    }
  });

  it("leaves a request that is not answered, once others are", async () => {
    const run = await runOf({
      size: 200 * MB,
      manner: ({ number }) => ({ rate: 30 * MB, ...(number === 2 && { answersAfterMs: 3_600_000 }) }),
    });
    expect(run.network.bytes).toBe(200 * MB);
    expect(run.tookMs).toBeLessThan(8_000);
  });

  it("brings what a broken connection has not brought over the others", async () => {
    const breaks = { afterBytes: 2 * MB, error: RESET };
    for (const broken of [0, 1, 3, 7]) {
      const run = await runOf({
        size: 200 * MB,
        manner: ({ number }) => ({ rate: 30 * MB, ...(number === broken && broken > 0 && { breaks }) }),
      });
      expect(run.network.bytes).toBe(200 * MB);
    }
  });

  it("fails with what the last connection failed with, and keeps what came", async () => {
    const breaks = { afterBytes: 3 * MB, error: RESET };
    const run = await runOf({ size: 200 * MB, manner: () => ({ rate: 30 * MB, breaks }) });
    expect(run.error).toBe(RESET);
    expect(run.network.bytes).toBeGreaterThanOrEqual(3 * MB);
  });

  it("asks nobody else when the first request is refused", async () => {
    const refusal = new ErrNotFound("no such blob", { endpoint: ENDPOINT });
    const run = await runOf({ size: 200 * MB, manner: () => ({ rate: 0, refusal }) });
    expect(run.error).toBe(refusal);
    expect(run.network.asked.length).toBe(1);
  });

  it("goes on with fewer connections when others are refused", async () => {
    const refusal = new ErrUnavailable("too many", { endpoint: ENDPOINT, retryable: true, httpStatus: 503 });
    const run = await runOf({
      size: 300 * MB,
      manner: ({ number }) => ({ rate: 30 * MB, ...(number % 3 === 2 && { refusal }) }),
    });
    expect(run.network.bytes).toBe(300 * MB);
  });

  it("ends everything at once when it is the disk that fails", async () => {
    const full = new ErrResourceExhausted("disk full");
    const breaks = { afterBytes: MB, error: full };
    const run = await runOf({
      size: GIB,
      manner: ({ number }) => ({ rate: 30 * MB, ...(number === 3 && { breaks }) }),
    });
    expect(run.error).toBe(full);
    expect(run.tookMs).toBeLessThan(2_000);
  });

  it("goes on with the holes that are left, and brings no byte of what is there", async () => {
    const there = [
      { from: 0, to: 50 * MB },
      { from: 100 * MB, to: 190 * MB },
    ];
    const run = await runOf({ size: 200 * MB, manner: () => ({ rate: 30 * MB }) }, { there });
    expect(run.network.bytes).toBe(200 * MB);
    expect(run.network.cameBytes).toBe(60 * MB);
  });

  it("brings hardly a byte twice", async () => {
    const run = await runOf({
      size: GIB,
      manner: ({ number }) => ({ rate: (number % 5 === 1 ? 3 : 30) * MB }),
    });
    expect(run.network.bytes).toBe(GIB);
    expect(run.network.cameBytes).toBeLessThan(GIB * 1.001);
  });

  it("lets all connections come to their end together", async () => {
    const lost: number[] = [];
    for (let size = 400 * MB; size < 500 * MB; size += 10 * MB) {
      const { tookMs } = await runOf({ size, manner: () => ({ rate: 30 * MB }) });
      lost.push(tookMs - (size / (16 * 30 * MB)) * 1_000);
    }
    const averageMs = lost.reduce((sum, ms) => sum + ms, 0) / lost.length;
    expect(averageMs).toBeLessThan(180); // most of it until there are sixteen
  });

  it("takes no more connections than its share, and gives those back that others need", async () => {
    const clock = new ManualClock();
    const ranges = new Ranges({ atOnce: 4 }, { clock });
    const one = start({ size: GIB, clock, manner: () => ({ rate: 30 * MB }) }, ranges);
    await clock.advance(2_000);
    expect(one.network.active).toBe(4);
    const other = start({ size: GIB, clock, manner: () => ({ rate: 30 * MB }) }, ranges);
    await clock.advance(4_000);
    expect([one.network.active, other.network.active]).toEqual([2, 2]);
    one.controller.abort();
    other.controller.abort();
    await clock.advance(0);
    await Promise.all([one.ended, other.ended]);
  });

  it("has as many connections at once, without measuring, where the step is 0", async () => {
    const run = await runOf(
      { size: 100 * MB, manner: () => ({ rate: 1_000 * MB }) },
      { options: { stepMs: 0, pieceBytes: MB } },
    );
    expect(run.network.mostAtOnce).toBe(16);
    expect(run.network.bytes).toBe(100 * MB);
  });

  it("ends with the abort error, and nothing comes after", async () => {
    const clock = new ManualClock();
    const run = start({ size: GIB, clock, manner: () => ({ rate: 30 * MB }) }, new Ranges({}, { clock }));
    await clock.advance(1_500);
    run.controller.abort();
    await clock.advance(0);
    expect(await run.ended).toMatchObject({ code: "ERR_CANCELED" });
    expect([run.network.active, clock.sleeping]).toEqual([0, 0]);
  });
});

describe("fetchInRanges() from several endpoints", () => {
  const LIMITED = { size: GIB / 2, lineRate: 60 * MB, manner: () => ({ rate: 30 * MB }) };

  it("brings twice as much from two as from one", async () => {
    const large = { ...LIMITED, size: GIB };
    const one = await runOf(large);
    const two = await runOf(large, { beside: large });
    expect(two.network.bytes).toBe(GIB);
    expect(one.tookMs / two.tookMs).toBeGreaterThan(1.8);
    expect(two.besideBytes / GIB).toBeCloseTo(0.5, 1);
  });

  it.each<[string, Manner]>([
    ["lacks it", { rate: 30 * MB, whole: true }],
    ["refuses it", { rate: 0, refusal: new ErrNotFound("no such blob", { endpoint: ENDPOINT }) }],
    ["breaks", { rate: 30 * MB, breaks: { afterBytes: MB, error: RESET } }],
    ["is silent", { rate: 0 }],
    ["does not answer", { rate: 0, answersAfterMs: 3_600_000 }],
  ])("is nearly as fast as without another one that %s", async (_, manner) => {
    const alone = await runOf(LIMITED);
    const run = await runOf(LIMITED, { beside: { ...LIMITED, manner: () => manner } });
    expect(run.error).toBeUndefined();
    expect(run.network.bytes).toBe(LIMITED.size);
    expect(run.tookMs / alone.tookMs).toBeLessThan(1.25);
  });

  it("opens no other one for what one connection is enough for", async () => {
    const run = await runOf({ size: 16 * MB, manner: () => ({ rate: 60 * MB }) }, { beside: LIMITED });
    expect(run.hasLookedBeside).toBe(false);
  });

  it("goes on with the other one when the first one breaks", async () => {
    const breaks = { afterBytes: 100 * MB, error: RESET };
    const run = await runOf({ ...LIMITED, manner: () => ({ rate: 30 * MB, breaks }) }, { beside: LIMITED });
    expect(run.error).toBeUndefined();
    expect(run.network.bytes).toBe(LIMITED.size);
  });

  it.each<[string, Manner]>([
    ["lacks it by now", { rate: 20 * MB, whole: true }],
    ["refuses it by now", { rate: 0, refusal: new ErrNotFound("no such blob", { endpoint: ENDPOINT }) }],
    ["breaks", { rate: 20 * MB, breaks: { afterBytes: MB, error: RESET } }],
  ])("goes on with the first one when it was left to another one that %s", async (_, then) => {
    const clock = new ManualClock();
    const ranges = new Ranges({ atOnce: 2 }, { clock });
    let isGone = false;
    const manner = (): Manner => (isGone ? then : { rate: 20 * MB });
    const network = { size: GIB, clock, manner: () => ({ rate: 30 * MB }) };
    const there = [{ from: GIB - 1, to: GIB }]; // so that no request is for everything
    const run = start(network, ranges, { there, beside: { size: GIB, manner } });
    await clock.advance(2_000);
    expect(run.seen.hasLookedBeside).toBe(true);
    isGone = true;
    using _another = ranges.take(); // which leaves it one connection
    for (let ms = 0; ms < 60_000; ms += 50) await clock.advance(50);
    expect(await run.ended).toBeUndefined();
    expect(run.network.bytes).toBe(GIB);
  });
});

interface Settings {
  readonly options?: RangeOptions;
  readonly there?: readonly ByteRange[];
  /** What part of its time a limit holds it back; default 0. */
  readonly heldPart?: number | undefined;
  /** Another endpoint. */
  readonly beside?: Omit<NetworkOptions, "clock"> | undefined;
}

interface Run {
  readonly network: SimulatedNetwork;
  readonly tookMs: number;
  readonly error: unknown;
  readonly hasLookedBeside: boolean;
  /** Bytes that came from the other endpoint. */
  readonly besideBytes: number;
}

/** A whole run, in simulated time. */
async function runOf(
  network: Omit<NetworkOptions, "clock">,
  { options = {}, there = [], heldPart, beside }: Settings = {},
): Promise<Run> {
  const clock = new ManualClock();
  const started = start({ ...network, clock }, new Ranges(options, { clock }), { there, heldPart, beside });
  for (let rounds = 0; (await stateOf(started.ended)) === "pending"; rounds++) {
    expect(rounds).toBeLessThan(2_000);
    await clock.advance(50);
  }
  const error = await started.ended;
  return { network: started.network, tookMs: clock.elapsed(), error, ...started.seen };
}

function start(options: NetworkOptions, ranges: Ranges, { there = [], heldPart = 0, beside }: Settings = {}) {
  const network = new SimulatedNetwork(options, there);
  const controller = new AbortController();
  const descriptor = { mediaType: OCI_LAYER_GZIP, digest: digestOf("simulated"), size: options.size };
  const share = ranges.take();
  const seen = { hasLookedBeside: false, besideBytes: 0 };
  const ended = fetchInRanges(
    {
      descriptor,
      there,
      place: network,
      source: { fetcher: network, endpoint: ENDPOINT },
      async beside() {
        seen.hasLookedBeside = true;
        if (!beside) return [];
        const fetcher = new SimulatedNetwork({ ...beside, clock: options.clock });
        return [{ fetcher, endpoint: "https://mirror.example" }];
      },
    },
    {
      ranges,
      share,
      signal: controller.signal,
      heldMs: () => options.clock.elapsed() * heldPart,
      onBeside: (_, bytes) => {
        seen.besideBytes += bytes;
      },
    },
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  void ended.finally(() => share[Symbol.dispose]());
  return { network, controller, ended, seen };
}
