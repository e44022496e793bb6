import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RangeOptions } from "../../src/remotes/ranges/ranges.ts";
import { type Case, type Contestant, defineBench } from "../driver/bench.ts";
import { assertArrived } from "../support/assert-arrived.ts";
import { keepBusy } from "../support/busy-machine.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import type { PaceOptions, PaceReport } from "../support/pace.ts";
import { RunningEngine } from "../support/running-engine.ts";
import { type PacedImage, type ServedImage, serveImage, servePacedImage } from "../support/served-image.ts";
import { fetchByContainerd, hasParallelContainerd } from "./parallel-containerd.ts";
import { writeAtLineRate } from "./write-at-line-rate.ts";

const [IN_RANGES, IN_ONE] = ["drayage in ranges", "drayage in one stream"] as const;
const ALL_AT_ONCE = "drayage, all ranges at once";
const FROM_TWO = "drayage from two endpoints";
const WITH_SLOW = "drayage, one connection at a twentieth";
const TRICKLE = "drayage, one connection at 1 KiB/s";
const KILLED = "drayage, killed at 95 %";
const KILLED_BUSY = "drayage, killed at 95 % on a busy machine";
const CONTAINERD = "containerd in ranges";
const WRITTEN = "the line and a write loop";

const [EIGHT, SIXTEEN] = ["8 connections", "16 connections"] as const;
const [SLOW, LARGE] = ["slow connections", "one large layer, 16 connections"] as const;

/** What an endpoint sends over all connections, where there are two of them, as a multiple of what it sends over one. */
const TOTAL = 4;

/** Connections over which the large layer comes. */
const LARGE_AT_ONCE = 16;

const MIB = 1024 * 1024;

/** What an engine, and containerd, has pulled before, so that all that it uses has started: an image of one layer. */
const WARM_BYTES = 64 * MIB;

/** Where a process that brings a large layer is killed, as a part of it, and how often it is looked whether it is there. */
const KILLED_AT = 0.95;
const KILL_LOOK_MS = 20;

/** How fast one large layer comes from a server that limits each connection. */
export const ranges = defineBench({
  name: "ranges",
  about: "one large layer from a server that sends 30 MB/s over each connection, in ranges and in one stream",
  options: {
    /** Size of the layer in MiB. */
    size: { type: "string", default: "1024" },
    /** Size of the layer that is large, in bytes: so much room `data` needs. */
    large: { type: "string", default: "10000000000" },
    /** Bytes per second over each connection. */
    rate: { type: "string", default: "30000000" },
  },
  runs: 3,
  warmsUp: false,
  claims: [
    { who: IN_RANGES, figure: "wallSeconds", within: EIGHT, limit: { timesBest: 1 / 6, of: [IN_ONE] } },
    ...[EIGHT, SIXTEEN].map((within) => {
      return {
        who: IN_RANGES,
        figure: "wallSeconds",
        within,
        limit: { timesBest: 1, of: [CONTAINERD] },
      } as const;
    }),
    { who: WITH_SLOW, figure: "wallSeconds", limit: { timesBest: 1.15, of: [IN_RANGES] } },
    { who: TRICKLE, figure: "slowSeconds", limit: { atMost: 30 } },
    { who: FROM_TWO, figure: "wallSeconds", limit: { timesBest: 1 / 1.8, of: [IN_RANGES] } },
    { who: IN_RANGES, figure: "wallSeconds", within: "local", limit: { timesBest: 1.05, of: [IN_ONE] } },
    { who: IN_RANGES, figure: "wallSeconds", within: LARGE, limit: { timesBest: 1 / 0.9, of: [WRITTEN] } },
    ...[KILLED, KILLED_BUSY].map((who) => {
      return { who, figure: "againPart", limit: { atMost: 0.01 } } as const;
    }),
  ],
  title: ({ size, rate }) => `${size} MiB at ${rate} bytes per second for each connection`,
  async *cases({ size, large, rate, data }) {
    const each = Number(rate);
    const bytes = Number(size) * MIB;
    const hasContainerd = await inFreshFolder(data, hasParallelContainerd);
    const missing = hasContainerd ? [] : ["containerd 2.1 or newer"];
    await using before = await serveImage(1, WARM_BYTES);
    for (const [name, atOnce] of [
      [EIGHT, 8],
      [SIXTEEN, 16],
    ] as const) {
      await using image = await servePacedImage(1, bytes, { each });
      const pull = { image, bytes, data, before, line: each * atOnce };
      yield {
        name,
        bytes,
        missing,
        contestants: [
          engine(IN_RANGES, { ...pull, ranges: { atOnce } }),
          engine(ALL_AT_ONCE, { ...pull, ranges: { atOnce, stepMs: 0 } }),
          ...(hasContainerd ? [containerd(image, { data, before, atOnce })] : []),
          ...(atOnce === 8 ? [engine(IN_ONE, { ...pull, ranges: false })] : []),
        ],
      };
    }
    yield* slowConnections({ each, bytes, data, before });
    await using image = await servePacedImage(1, bytes, { each, all: each * TOTAL });
    await using mirror = await servePacedImage(1, bytes, { each, all: each * TOTAL });
    yield {
      name: "two endpoints",
      bytes,
      contestants: [
        engine(IN_RANGES, { image, mirror, bytes, data, before, ranges: { atOnce: 2 * TOTAL } }),
        engine(FROM_TWO, { image, mirror, bytes, data, before, ranges: { atOnce: 2 * TOTAL, from: "all" } }),
      ],
    };
    await using local = await serveImage(1, bytes);
    yield {
      name: "local",
      bytes,
      contestants: [
        engine(IN_RANGES, { image: local, bytes, data, before, ranges: {} }),
        engine(IN_ONE, { image: local, bytes, data, before, ranges: false }),
      ],
    };
    yield* largeLayer({ each, bytes: Number(large), data, before });
  },
});

interface Setting {
  /** Bytes per second over each connection. */
  readonly each: number;
  /** Of the layer. */
  readonly bytes: number;
  readonly data: string;
  /** Pulled before. */
  readonly before: ServedImage;
}

/** One of eight connections is slow from its second megabyte on. */
async function* slowConnections({ each, bytes, data, before }: Setting): AsyncGenerator<Case> {
  const slow = (rate: number): PaceOptions => ({ each, slow: { number: 3, rate } });
  await using even = await servePacedImage(1, bytes, { each });
  await using twentieth = await servePacedImage(1, bytes, slow(each / 20));
  await using trickle = await servePacedImage(1, bytes, slow(1_024));
  const pull = { bytes, data, before, ranges: { atOnce: 8 } };
  yield {
    name: SLOW,
    bytes,
    contestants: [
      engine(IN_RANGES, { ...pull, image: even }),
      engine(WITH_SLOW, { ...pull, image: twentieth }),
      engine(TRICKLE, { ...pull, image: trickle }),
    ],
  };
}

/** A layer that is larger than what most memories hold. */
async function* largeLayer({ each, bytes, data, before }: Setting): AsyncGenerator<Case> {
  await using image = await servePacedImage(1, bytes, { each });
  const line = each * LARGE_AT_ONCE;
  const pull = { image, bytes, data, before, line, ranges: { atOnce: LARGE_AT_ONCE } };
  yield {
    name: LARGE,
    bytes,
    contestants: [
      engine(IN_RANGES, pull),
      written({ bytes, data, line }),
      killed(KILLED, pull),
      busy(killed(KILLED_BUSY, pull)),
    ],
  };
}

/** What is pulled, from where, and how. */
interface Pull {
  readonly image: ServedImage | PacedImage;
  /** Of its layer. */
  readonly bytes: number;
  /** A mirror of it, which is asked first. */
  readonly mirror?: ServedImage;
  readonly data: string;
  /** Pulled before it is measured. */
  readonly before: ServedImage;
  /** What all connections bring, in bytes per second, where it is compared with that. */
  readonly line?: number;
  readonly ranges: false | RangeOptions;
}

interface KilledPull extends Pull {
  readonly image: PacedImage;
}

async function reportOf(image: Pull["image"]): Promise<PaceReport | undefined> {
  return "report" in image ? await image.report() : undefined;
}

function engine(name: string, { image, bytes, mirror, data, before, line, ranges: how }: Pull): Contestant {
  return {
    name,
    measure: () =>
      inFreshFolder(data, async (root) => {
        await using running = new RunningEngine();
        await reportOf(image); // what others have had does not count
        const mirrors = mirror === undefined ? {} : { [image.host]: [`http://${mirror.host}`] };
        const options = { root, registry: { plainHttp: true, mirrors }, ranges: how };
        const cost = await running.ask({ options, before: [before.reference], reference: image.reference });
        await assertArrived(root, image.layers, false); // its digest was compared when it came
        const report = await reportOf(image);
        return {
          ...cost,
          ...(report && { connections: report.connections }),
          ...(report && report.slowSeconds > 0 && { slowSeconds: report.slowSeconds }),
          ...(report && line !== undefined && { offLimit: 1 - bytes / line / cost.wallSeconds }),
        };
      }),
  };
}

/** Kills the process when nearly all has been sent, and has another one bring the rest: what is sent again, and how long that took. */
function killed(name: string, { image, bytes, data, ranges: how }: KilledPull): Contestant {
  return {
    name,
    measure: () =>
      inFreshFolder(data, async (root) => {
        const job = {
          options: { root, registry: { plainHttp: true }, ranges: how },
          reference: image.reference,
        };
        await using first = new RunningEngine();
        await image.report();
        first.ask(job).catch(() => {}); // it is killed before it could answer
        let sentBytes = 0;
        while (sentBytes < bytes * KILLED_AT) {
          await sleep(KILL_LOOK_MS);
          sentBytes += (await image.report()).sentBytes;
        }
        await first.kill();
        await using second = new RunningEngine();
        const cost = await second.ask(job);
        await assertArrived(root, image.layers, true);
        sentBytes += (await image.report()).sentBytes;
        return { ...cost, againPart: sentBytes / bytes - 1 };
      }),
  };
}

/** What takes as long as the line, or longer where writing so many bytes does: a machine may have to be given that memory first. */
function written({
  bytes,
  data,
  line,
}: Pick<Pull, "bytes" | "data"> & { readonly line: number }): Contestant {
  return {
    name: WRITTEN,
    measure: () => inFreshFolder(data, (folder) => writeAtLineRate(join(folder, "bytes"), bytes, line)),
  };
}

/** The same beside others who want the processors. */
function busy(contestant: Contestant): Contestant {
  return {
    name: contestant.name,
    measure: async (round) => {
      await using _ = keepBusy();
      return await contestant.measure(round);
    },
  };
}

function containerd(
  image: ServedImage,
  { data, before, atOnce }: Pick<Pull, "data" | "before"> & { readonly atOnce: number },
): Contestant {
  return {
    name: CONTAINERD,
    measure: () => inFreshFolder(data, (folder) => fetchByContainerd({ folder, image, before, atOnce })),
  };
}
