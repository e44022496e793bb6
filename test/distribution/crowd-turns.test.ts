import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PullResult } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import { expectEachOnce } from "./support/requests.ts";

const PULLS = 400;

/** Most that may go on in one turn: those who waited for room, and a few who found some. */
const MAX_IN_TURN = 128 + 16;

let registry: TestRegistry;
let engine: Engine;
let image: BuiltImage;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  const layers = Array.from({ length: 5 }, (_, at) => 1_000 + at);
  image = await buildImage(registry, "team/app", { tag: "v1", layers });
  name = `${registry.host}/team/app:v1`;
});

afterEach(async () => {
  await registry.close();
  await engine[Symbol.asyncDispose]();
});

/** Counts what happens in each turn of the event loop, until it is told to stop. */
function countingTurns() {
  const most = new Map<string, number>();
  let inTurn = new Map<string, number>();
  const over = new AbortController();
  const counting = (async () => {
    while (!over.signal.aborted) {
      inTurn = new Map();
      await nextTurn();
    }
  })();
  return {
    most,
    count(what: string): void {
      const count = (inTurn.get(what) ?? 0) + 1;
      inTurn.set(what, count);
      most.set(what, Math.max(count, most.get(what) ?? 0));
    },
    async stop(): Promise<void> {
      over.abort();
      await counting;
    },
  };
}

/** What a status line is about, whichever layer. */
function kindOf(action: string): string {
  return action.split(" ")[0] ?? "";
}

describe("many pulls of one image", () => {
  it("let only so many of them go on in one turn of the event loop, at each stage", async () => {
    const turns = countingTurns();
    const pulls = Array.from({ length: PULLS }, async () => {
      await engine.pull(name, {
        platform: "linux/amd64",
        onProgress: (progress) => {
          if (progress.kind === "message") turns.count(kindOf(progress.message));
        },
      });
      turns.count("pulled");
    });
    await Promise.all(pulls);
    await turns.stop();
    expect([...turns.most.keys()]).toEqual(expect.arrayContaining(["Pulling", "Digest:", "pulled"]));
    for (const [what, most] of turns.most) expect(most, what).toBeLessThanOrEqual(MAX_IN_TURN);
  });

  it("end for those that are aborted in the middle of the crowd, and succeed for the others", async () => {
    const { release } = registry.fault({ digest: layerOf(image).digest }, { stall: true, afterBytes: 10 });
    const gone = new AbortController();
    const begun = Promise.withResolvers<void>();
    const begin = (signal?: AbortSignal): Promise<PullResult> =>
      engine.pull(name, {
        platform: "linux/amd64",
        signal,
        onProgress: ({ kind }) => kind === "update" && begun.resolve(),
      });
    const stay: Array<Promise<PullResult>> = [];
    const leave: Array<Promise<PullResult>> = [];
    for (let at = 0; at < PULLS; at++) {
      if (at % 4 === 3) leave.push(begin(gone.signal));
      else stay.push(begin());
    }
    await begun.promise; // the first ones wait for layers now, and the others for room
    gone.abort();
    for (const outcome of await Promise.allSettled(leave)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ERR_CANCELED" } });
    }
    release(); // nobody could have succeeded before
    const digests = (await Promise.all(stay)).map(({ digest }) => digest);
    expect(new Set(digests)).toEqual(new Set([image.descriptor.digest]));
    expectEachOnce(registry, digestsOf(image));
  });
});
