import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Case, defineBench } from "../driver/bench.ts";
import type { Claim } from "../driver/claims.ts";
import type { Sample } from "../driver/figures.ts";
import { type Child, startChild } from "../support/child.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import type { Asked } from "../support/image-server.ts";

/** The crowds, and how many pulls there are in each case. */
const CROWDS = [
  { crowd: "same", who: "pulls of one image", counts: [125, 250, 500, 1_000] },
  { crowd: "different", who: "pulls of as many images", counts: [25, 50, 100, 200] },
] as const;

/** Open files that a process is allowed where they are few. */
const FEW_FILES = 256;

const CHILD = join(import.meta.dirname, "crowd-child.ts");

/** What many pulls at once cost in one engine. */
export const crowds = defineBench({
  name: "crowds",
  about:
    "1,000 pulls of one image and 200 distinct images at once in one engine, how both grow, and with few open files",
  options: {},
  runs: 3,
  warmsUp: false,
  claims: CROWDS.flatMap(({ who }): readonly Claim[] => [
    { who, figure: "wallSeconds", limit: { eachTimes: 1.25 } },
    { who, figure: "cpuSeconds", limit: { eachTimes: 1.25 } },
    { who, figure: "loopP99Seconds", limit: { atMost: 0.03 } },
    ...[who, withFew(who)].flatMap((each): readonly Claim[] => [
      { who: each, figure: "failures", limit: { atMost: 0 } },
      { who: each, figure: "requestsOfOne", limit: { atMost: 1 } },
      { who: each, figure: "tokens", limit: { atMost: 1 } },
    ]),
  ]),
  plot: { across: "pulls at once", scale: "logarithmic", figure: "secondsEach" },
  title: () => "Pulls at once in one engine, of a registry that wants a token",
  async *cases({ data }) {
    await using registry = startChild("crowds/registry-child.ts");
    const { guarded } = JSON.parse(await registry.line()) as { guarded: string };
    for (const { crowd, who, counts } of CROWDS) {
      for (const at of counts) {
        const pullAll = (files?: number): Promise<Sample> =>
          inFreshFolder(data, (root) => pullOnce([crowd, String(at), root, guarded], { registry, files }));
        const few = { name: withFew(who), measure: () => pullAll(FEW_FILES) };
        const contestants = [{ name: who, measure: () => pullAll() }, ...(at === counts.at(-1) ? [few] : [])];
        yield { name: `${at} at once`, at, contestants } satisfies Case;
      }
    }
  },
});

function withFew(who: string): string {
  return `${who}, ${FEW_FILES} open files`;
}

interface Place {
  readonly registry: Child;
  readonly files: number | undefined;
}

async function pullOnce(args: readonly string[], { registry, files }: Place): Promise<Sample> {
  await registry.ask();
  const sample = await runChild(args, files);
  const { asked, mostSockets } = JSON.parse(await registry.ask()) as Asked;
  const gets = Object.entries(asked).filter(([request]) => request.startsWith("GET /v2/"));
  const requestsOfOne = Math.max(...gets.map(([, count]) => count));
  return { ...sample, connections: mostSockets, requestsOfOne, tokens: asked["GET token"] ?? 0 };
}

async function runChild(args: readonly string[], files: number | undefined): Promise<Sample> {
  const command = `${files === undefined ? "" : `ulimit -n ${files} && `}exec "$0" "$@"`;
  const program = [process.execPath, "--expose-gc", "--no-warnings", CHILD, ...args];
  const child = spawn("sh", ["-c", command, ...program], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout)) as Sample;
}
