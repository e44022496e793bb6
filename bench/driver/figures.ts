import { formatBytes } from "../../src/cli/format-bytes.ts";

/** How a figure is called in a table, how it is written, and whether its least and most are shown beside its median. */
interface FigureStyle {
  readonly head: string;
  readonly format: (value: number) => string;
  readonly showsRange?: boolean;
}

/** Every figure that a bench may take. A name ends in its unit, unless it counts. */
export const FIGURES = {
  wallSeconds: { head: "WALL", format: formatSeconds, showsRange: true },
  cpuSeconds: { head: "CPU", format: formatSeconds },
  /** Of the other side: the registry, or the service. */
  serverCpuSeconds: { head: "SERVER CPU", format: formatSeconds },
  /** CPU time for each blob, transfer or pull. */
  cpuSecondsEach: { head: "CPU EACH", format: formatSeconds },
  /** Time for each call of something small. */
  secondsEach: { head: "EACH", format: formatSeconds, showsRange: true },
  /** How far a rate is from its limit, or a share from what is fair, at worst. */
  offLimit: { head: "OFF", format: formatPart },
  /** What part of a content was sent more than once. */
  againPart: { head: "AGAIN", format: formatPart },
  /** How long a connection that is far too slow was kept. */
  slowSeconds: { head: "SLOW FOR", format: formatSeconds },
  bytesPerSecond: { head: "RATE", format: (value) => `${formatBytes(value)}/s` },
  /** Most memory that any one process of it had at once. */
  peakBytes: { head: "PEAK", format: formatMemory },
  /** How late the event loop was: 99 of 100 turns at most so much, and the latest one. */
  loopP99Seconds: { head: "LOOP P99", format: formatSeconds },
  loopMaxSeconds: { head: "LOOP MAX", format: formatSeconds },
  connections: { head: "CONNECTIONS", format: formatCount },
  requests: { head: "REQUESTS", format: formatCount },
  tokens: { head: "TOKENS", format: formatCount },
  /** Most requests for one and the same thing. */
  requestsOfOne: { head: "MOST OF ONE", format: formatCount },
  failures: { head: "FAILED", format: formatCount },
  /** Memory for each pull that waits, or that is over. */
  bytesEach: { head: "MEMORY EACH", format: formatMemory },
  /** Open files that were not closed again. */
  descriptorGrowth: { head: "MORE FILES", format: formatCount },
} as const satisfies Readonly<Record<string, FigureStyle>>;

/** The name of a figure. */
export type FigureName = keyof typeof FIGURES;

/** Every name, in the order of the columns. */
export const FIGURE_NAMES = Object.keys(FIGURES) as readonly FigureName[];

/** What was measured at once. */
export type Sample = Readonly<Partial<Record<FigureName, number>>>;

/** A figure as tables and claims show it. */
export function formatFigure(name: FigureName, value: number): string {
  return Number.isNaN(value) ? "-" : styleOf(name).format(value);
}

/** How a figure is shown. */
export function styleOf(name: FigureName): FigureStyle {
  return FIGURES[name];
}

/** Three digits that tell something: `1.55 s`, `27.3 ms`, `410 ns`. */
function formatSeconds(value: number): string {
  if (value === 0) return "0 s";
  const [unit, divisor] = TIME_UNITS.find(([, least]) => Math.abs(value) >= least) ?? ["ns", 1e-9];
  const scaled = value / divisor;
  return `${scaled.toFixed(scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2)} ${unit}`;
}

const TIME_UNITS = [
  ["s", 1],
  ["ms", 1e-3],
  ["µs", 1e-6],
] as const;

function formatPart(value: number): string {
  return `${(value * 100).toFixed(Math.abs(value) < 0.01 ? 2 : 1)} %`;
}

function formatCount(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Binary units, as memory is counted: `93.2 MiB`. */
function formatMemory(value: number): string {
  const [unit, divisor] = BYTE_UNITS.find(([, least]) => Math.abs(value) >= least) ?? ["B", 1];
  const scaled = value / divisor;
  return `${divisor === 1 || Math.abs(scaled) >= 99.95 ? scaled.toFixed(0) : scaled.toFixed(1)} ${unit}`;
}

const BYTE_UNITS = [
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
] as const;
