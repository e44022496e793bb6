import type { Plot } from "./bench.ts";
import { FIGURES, formatFigure } from "./figures.ts";
import { axisOf } from "./plot-axis.ts";
import { type CaseResult, figureOf } from "./results.ts";

/** Size of the picture and of its margins, in its own units. Names of lines stand on the right. */
const [WIDTH, HEIGHT] = [760, 420];
const MARGIN = { top: 48, right: 190, bottom: 56, left: 84 };

/** Least distance between the names of two lines. */
const NAME_HEIGHT = 16;

/** Colours that tell apart on white and on black, and for people who do not see all of them. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8a63d2", "#777777"];

/** Follows the reader's choice of light or dark. */
const STYLE = `
  :root { color-scheme: light dark; }
  .ground { fill: #ffffff; } .ink { fill: #1b1f24; } .faint { stroke: #d0d7de; } .axis { stroke: #57606a; }
  text { font: 13px system-ui, sans-serif; }
  .title { font-size: 15px; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } .ink { fill: #e6edf3; } .faint { stroke: #30363d; } .axis { stroke: #8b949e; }
  }`;

interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly Point[];
}

/** A picture of one figure over all cases, a line for each contestant, medians with bars from the least to the most. */
export function plotSvg(
  title: string,
  { across, scale, figure }: Plot,
  cases: readonly CaseResult[],
): string {
  const spreads = cases.flatMap(({ contestants }) => contestants.map((one) => figureOf(one, figure)));
  const horizontal = axisOf(
    cases.map(({ at = 0 }) => at),
    { scale, from: MARGIN.left, to: WIDTH - MARGIN.right },
  );
  const vertical = axisOf([0, ...spreads.map(({ max }) => max).filter(Number.isFinite)], {
    scale: "linear",
    from: HEIGHT - MARGIN.bottom,
    to: MARGIN.top,
  });
  const names = [...new Set(cases.flatMap(({ contestants }) => contestants.map(({ name }) => name)))];
  const lines = names.map((name, at): Line => {
    const points = cases.flatMap((one) => {
      const contestant = one.contestants.find((each) => each.name === name);
      const { median, min, max } = figureOf(contestant ?? { name, samples: [] }, figure);
      if (!Number.isFinite(median)) return [];
      const [y, low, high] = [median, min, max].map(vertical.place) as [number, number, number];
      return [{ x: horizontal.place(one.at ?? 0), y, low, high }];
    });
    return { name, colour: COLOURS[at % COLOURS.length] ?? "#777777", points };
  });
  const [left, right, bottom] = [MARGIN.left, WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom];
  const label = FIGURES[figure].head.toLowerCase();
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${WIDTH}" height="${HEIGHT}"/>`,
    text(left, 26, title, `class="ink title"`),
    ...vertical.ticks.flatMap(({ value, place }) => [
      segment([left, place], [right, place], `class="faint"`),
      text(left - 8, place + 4, formatFigure(figure, value), `class="ink" text-anchor="end"`),
    ]),
    ...horizontal.ticks.flatMap(({ value, place }) => [
      segment([place, bottom], [place, bottom + 5], `class="axis"`),
      text(place, bottom + 20, value.toLocaleString("en"), `class="ink" text-anchor="middle"`),
    ]),
    segment([left, bottom], [right, bottom], `class="axis"`),
    text((left + right) / 2, HEIGHT - 12, across, `class="ink" text-anchor="middle"`),
    text(-(MARGIN.top + bottom) / 2, 16, label, `class="ink" text-anchor="middle" transform="rotate(-90)"`),
    ...lines.flatMap(drawn),
    ...namesBeside(lines),
    "</svg>\n",
  ].join("\n");
}

function drawn({ colour, points }: Line): readonly string[] {
  const path = points.map(({ x, y }) => `${round(x)},${round(y)}`).join(" ");
  return [
    ...points.map(({ x, low, high }) =>
      segment([x, low], [x, high], `stroke="${colour}" stroke-opacity="0.5"`),
    ),
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map(({ x, y }) => `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" fill="${colour}"/>`),
  ];
}

/** Each name beside the end of its line, moved down where another one stands there. */
function namesBeside(lines: readonly Line[]): readonly string[] {
  const ends = lines.flatMap(({ name, colour, points }) => {
    const last = points.at(-1);
    return last ? [{ name, colour, y: last.y }] : [];
  });
  let next = Number.NEGATIVE_INFINITY;
  return ends
    .toSorted((a, b) => a.y - b.y)
    .map(({ name, colour, y }) => {
      const place = Math.max(y, next);
      next = place + NAME_HEIGHT;
      return text(WIDTH - MARGIN.right + 12, place + 4, name, `fill="${colour}"`);
    });
}

type Place = readonly [x: number, y: number];

function segment([x1, y1]: Place, [x2, y2]: Place, attributes: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${attributes}/>`;
}

function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeText(words)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeText(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
