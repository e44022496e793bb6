import { timeMarks, timeText } from "./time-axis.ts";
import type { Timeline, TimelineItem, TimelinePhase, TimelineSpan } from "./timeline.ts";
import { xmlText } from "./xml-text.ts";

/** Items that are drawn: a plot of more is read by nobody. What is not drawn is counted. */
const MAX_ROWS = 1_000;

/** Spans of one item that are drawn: a blob in ranges has some hundreds. */
const MAX_SPANS = 2_000;

/** Longest name that is shown, in characters. */
const MAX_LABEL_CHARS = 52;

/** Longest failure that is shown behind the bars, in characters; all of it is in the tooltip. */
const MAX_FAILURE_CHARS = 40;

/** Sizes in pixels. */
const WIDTH = 1_400;
const LEFT = 340;
const RIGHT = 310;
const CHART = WIDTH - LEFT - RIGHT;
const HEAD = 106;
const ROW = 22;
const FOOT = 30;

/** Marks of the axis at most. */
const MARKS = 10;

/** The narrowest bar that can be seen. */
const LEAST_WIDTH = 0.75;

/** What phases look like: colour, and where in the row (from, height); later ones are drawn over earlier ones. */
const LOOKS: Readonly<
  Record<TimelinePhase, { readonly colour: string; readonly top: number; readonly height: number }>
> = {
  wait: { colour: "#d8dce2", top: 8, height: 2 },
  bytes: { colour: "#3b82c4", top: 3, height: 9 },
  verify: { colour: "#8b5fbf", top: 3, height: 9 },
  line: { colour: "#9aa3af", top: 3, height: 6 },
  token: { colour: "#e0a100", top: 3, height: 6 },
  dns: { colour: "#1b9e9e", top: 3, height: 6 },
  connect: { colour: "#e2711d", top: 3, height: 6 },
  tls: { colour: "#c2417c", top: 3, height: 6 },
  request: { colour: "#8cc06d", top: 3, height: 6 },
  unpack: { colour: "#4d7c2f", top: 14, height: 5 },
  register: { colour: "#223d10", top: 14, height: 5 },
};

const PHASES = Object.keys(LOOKS) as readonly TimelinePhase[];

/** What the legend says. */
const LEGEND: ReadonlyArray<readonly [TimelinePhase, string]> = [
  ["wait", "waits"],
  ["line", "for a socket"],
  ["dns", "DNS"],
  ["connect", "connect"],
  ["tls", "TLS"],
  ["token", "token"],
  ["request", "first byte"],
  ["bytes", "bytes"],
  ["verify", "verify, write out"],
  ["unpack", "unpack"],
  ["register", "register"],
];

/** Colours of endpoints, in the order in which they are met; then they begin again. */
const ENDPOINT_COLOURS = ["#1f2937", "#b91c1c", "#047857", "#7c3aed", "#b45309", "#0e7490"];

/**
 * A timeline as an SVG document: a line for each item, a colour for each phase, an axis in milliseconds, and a stripe below the bytes
 * that tells the endpoint. What each bar is, is its tooltip. Texts of registries are escaped.
 */
export function timelineSvg(timeline: Timeline): string {
  const { items, durationMs, omitted } = timeline;
  const shown = items.slice(0, MAX_ROWS);
  const height = HEAD + shown.length * ROW + FOOT;
  const endMs = Math.max(durationMs, 1);
  const endpoints = new Map(endpointsOf(items).map((endpoint, at) => [endpoint, colourOf(at)]));
  const x = (ms: number): number => LEFT + (ms / endMs) * CHART;
  const hidden = items.length - shown.length;
  const lost = [
    ...(hidden > 0 ? [`${hidden} more items are in the JSON`] : []),
    ...(omitted > 0 ? [`${omitted} records were left out`] : []),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`,
    ` font-family="Helvetica, Arial, sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...head(timeline, endpoints),
    ...axis(endMs, height, x),
    ...shown.flatMap((item, at) => row(item, { y: HEAD + at * ROW, x, endpoints })),
    text(LEFT, height - 10, lost.join("; "), { colour: "#6b7280" }),
    "</svg>",
    "",
  ].join("\n");
}

function head(timeline: Timeline, endpoints: ReadonlyMap<string, string>): string[] {
  const { operations, startedAt, durationMs } = timeline;
  const names = operations.map(({ verb, reference }) => `${verb} ${reference}`).join(", ");
  const failure = operations.find((operation) => operation.failure !== undefined)?.failure;
  const lines = [
    text(12, 22, clip(names || "timeline", 120), { size: 15, weight: "bold" }),
    text(12, 40, `${startedAt}, ${timeText(durationMs)}`, { colour: "#6b7280" }),
    ...(failure === undefined
      ? []
      : [text(LEFT, 40, clip(`failed: ${failure}`, 150), { colour: "#b91c1c" })]),
  ];
  let at = 12;
  for (const [phase, words] of LEGEND) {
    lines.push(rect({ x: at, y: 53, width: 14, height: 9 }, LOOKS[phase].colour), text(at + 18, 61, words));
    at += 30 + words.length * 6.2;
  }
  at = 12;
  for (const [endpoint, colour] of [...endpoints].slice(0, ENDPOINT_COLOURS.length)) {
    const words = clip(endpoint, MAX_LABEL_CHARS);
    lines.push(rect({ x: at, y: 75, width: 14, height: 3 }, colour), text(at + 18, 80, words));
    at += 34 + words.length * 6.2;
  }
  return lines;
}

function axis(endMs: number, height: number, x: (ms: number) => number): string[] {
  const bottom = height - FOOT + 4;
  return timeMarks(endMs, MARKS).flatMap((ms) => [
    `<line x1="${px(x(ms))}" y1="${HEAD - 6}" x2="${px(x(ms))}" y2="${bottom}" stroke="#e5e7eb"/>`,
    text(x(ms), HEAD - 10, timeText(ms), { anchor: "middle", colour: "#6b7280" }),
  ]);
}

interface RowPlace {
  readonly y: number;
  readonly x: (ms: number) => number;
  readonly endpoints: ReadonlyMap<string, string>;
}

function row(item: TimelineItem, { y, x, endpoints }: RowPlace): string[] {
  const spans = item.spans.slice(0, MAX_SPANS);
  const bars = PHASES.flatMap((phase) => spans.filter((span) => span.phase === phase)).flatMap((span) => {
    const { colour, top, height } = LOOKS[span.phase];
    const place = { x: x(span.startMs), y: y + top, width: x(span.endMs) - x(span.startMs), height };
    const ofEndpoint = endpoints.get(span.endpoint ?? "");
    const isStriped = span.phase === "bytes" && ofEndpoint !== undefined;
    const isFailed = span.failure !== undefined;
    return [
      rect(place, colour, { title: titleOf(span), stroke: isFailed ? "#b91c1c" : undefined }),
      ...(isStriped ? [rect({ ...place, y: y + 12, height: 2 }, ofEndpoint)] : []),
    ];
  });
  const last = Math.max(...spans.map(({ endMs }) => endMs));
  return [
    `<line x1="12" y1="${y + ROW - 1}" x2="${WIDTH - 12}" y2="${y + ROW - 1}" stroke="#f3f4f6"/>`,
    text(12, y + 14, clip(labelOf(item), MAX_LABEL_CHARS)),
    ...bars,
    text(Math.min(x(last) + 6, LEFT + CHART + 6), y + 14, remarkOf(item), { colour: "#4b5563" }),
  ];
}

/** What an item is: `layer 5f70bf18a086 3.4 MB`. */
function labelOf({ kind, name, mediaType, size }: TimelineItem): string {
  if (kind === "name") return name;
  if (kind === "token") return `token of ${name}`;
  const short = name.replace(/^(.*?)(sha256|sha512):([0-9a-f]{12})[0-9a-f]*$/, "$1$3");
  if (kind === "shared") return `${short} (begun before)`;
  return [wordOf(mediaType), short, size === undefined ? "" : bytesText(size)].filter(Boolean).join("  ");
}

function wordOf(mediaType = ""): string {
  if (/index|manifest\.list/.test(mediaType)) return "index";
  if (/manifest/.test(mediaType)) return "manifest";
  if (/config|container\.image/.test(mediaType)) return "config";
  return /layer|rootfs/.test(mediaType) ? "layer" : "content";
}

/** What stands behind the bars: how fast bytes came, by all attempts, and what was done with them. */
function remarkOf({ spans }: TimelineItem): string {
  const came = spans.filter(({ phase }) => phase === "bytes");
  const { bytes } = came.at(-1) ?? {};
  const last = spans.findLast(({ phase }) => phase !== "wait") ?? spans.at(-1);
  if (last?.failure !== undefined) return `failed: ${clip(last.failure, MAX_FAILURE_CHARS)}`;
  if (bytes === undefined) return "";
  const sum = (msOf: (span: TimelineSpan) => number): number => came.reduce((ms, span) => ms + msOf(span), 0);
  const parts = [`${bytesText(bytes)} in ${timeText(sum(({ startMs, endMs }) => endMs - startMs))}`];
  const hashMs = sum(({ hashMs: ms = 0 }) => ms);
  const writeMs = sum(({ writeMs: ms = 0 }) => ms);
  if (hashMs > 0) parts.push(`hash ${timeText(hashMs)}`);
  if (writeMs > 0) parts.push(`write ${timeText(writeMs)}`);
  return parts.join(", ");
}

function titleOf({ phase, startMs, endMs, request, status, endpoint, bytes, failure }: TimelineSpan): string {
  const took = `${phase}: ${timeText(endMs - startMs)}, from ${timeText(startMs)} to ${timeText(endMs)}`;
  const answer = status === undefined ? undefined : `status ${status}`;
  const amount = bytes === undefined ? undefined : bytesText(bytes);
  return [took, request ?? endpoint, answer, amount, failure].filter((part) => part !== undefined).join("\n");
}

function endpointsOf(items: readonly TimelineItem[]): readonly string[] {
  const found = items.flatMap(({ spans }) =>
    spans.flatMap(({ phase, endpoint }) => (phase === "bytes" && endpoint ? [endpoint] : [])),
  );
  return [...new Set(found)];
}

function colourOf(at: number): string {
  return ENDPOINT_COLOURS[at % ENDPOINT_COLOURS.length] ?? "#1f2937";
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function rect(
  { x, y, width, height }: Box,
  colour: string,
  { title, stroke }: { readonly title?: string; readonly stroke?: string | undefined } = {},
): string {
  const shape = `x="${px(x)}" y="${px(y)}" width="${px(Math.max(width, LEAST_WIDTH))}" height="${height}" fill="${colour}"`;
  const edge = stroke === undefined ? "" : ` stroke="${stroke}"`;
  return title === undefined
    ? `<rect ${shape}${edge}/>`
    : `<rect ${shape}${edge}><title>${xmlText(title)}</title></rect>`;
}

interface TextLook {
  readonly size?: number;
  readonly weight?: string;
  readonly colour?: string;
  readonly anchor?: "middle";
}

function text(
  x: number,
  y: number,
  words: string,
  { size, weight, colour = "#111827", anchor }: TextLook = {},
): string {
  const look = [
    `fill="${colour}"`,
    ...(size === undefined ? [] : [`font-size="${size}"`]),
    ...(weight === undefined ? [] : [`font-weight="${weight}"`]),
    ...(anchor === undefined ? [] : [`text-anchor="${anchor}"`]),
  ].join(" ");
  return `<text x="${px(x)}" y="${px(y)}" ${look}>${xmlText(words)}</text>`;
}

function clip(words: string, chars: number): string {
  const all = Array.from(words);
  return all.length <= chars ? words : `${all.slice(0, chars - 1).join("")}…`;
}

/** Bytes as people read them, in decimal units like docker's. */
function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, at] = [bytes, 0];
  for (; value >= 1_000 && at < units.length - 1; at++) value /= 1_000;
  return `${at === 0 ? value : value.toPrecision(3)} ${units[at]}`;
}

/** A coordinate, to the hundredth. */
function px(value: number): number {
  return Math.round(value * 100) / 100;
}
