import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { goOnInTurn, type TurnStage, turnRoom, waitForRoom } from "../../src/async/turn-room.ts";

/** How many go on in a turn that have not waited. */
const MAX_UNHEARD = 16;

/** Most that go on in a turn. */
const MAX_AT_ONCE = 128;

/** What the clock says, in milliseconds; it stands still unless a test moves it. */
let now = 1_000;
vi.spyOn(performance, "now").mockImplementation(() => now);

/** Waits until nobody waits any more, so that each test begins with an unused turn. */
afterEach(async () => {
  for (let turn = 0; turn < 100; turn++) await nextTurn();
});

/** Uses the present turn up. */
function useUp(): void {
  expect(turnRoom()).toBeUndefined();
  now += 3;
}

/** Lets what can be done at once be done, as each who goes on has more to do than one step. */
async function someSteps(): Promise<void> {
  for (let step = 0; step < 20; step++) await Promise.resolve();
}

/** How many went on in each turn, those turns left out in which nobody did. */
async function countByTurn(
  crowd: ReadonlyArray<(count: () => void) => Promise<void>>,
): Promise<readonly number[]> {
  const counts = [0];
  const count = (): void => {
    counts.push((counts.pop() ?? 0) + 1);
  };
  const ended = Promise.all(crowd.map((one) => one(count))).then(() => true);
  while (!(await Promise.race([ended, nextTurn(false)]))) counts.push(0);
  return counts.filter((inTurn) => inTurn > 0);
}

describe("turnRoom()", () => {
  it("has room for the first who come in a turn", () => {
    expect(Array.from({ length: MAX_UNHEARD }, () => turnRoom())).toEqual(
      Array.from({ length: MAX_UNHEARD }),
    );
  });

  it("has the others wait, as nobody knows yet what the first ones take", () => {
    for (let at = 0; at < MAX_UNHEARD; at++) void turnRoom();
    expect(turnRoom()).toBeInstanceOf(Promise);
  });

  it("has those wait who come when a turn is used up, until a later one", async () => {
    useUp();
    const room = turnRoom();
    expect(room).toBeInstanceOf(Promise);
    await room;
    await nextTurn();
    await nextTurn();
    expect(turnRoom()).toBeUndefined();
  });

  it("lets those who wait on in their order, and nobody past them", async () => {
    useUp();
    const order: number[] = [];
    const all = Array.from({ length: 50 }, async (_, at) => {
      await turnRoom();
      order.push(at);
    });
    now += 1;
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 50 }, (_, at) => at));
  });

  it("lets one on in a turn where each takes all of it, with turns for others between", async () => {
    useUp();
    const order: string[] = [];
    const all = ["a", "b", "c"].map(async (name) => {
      await turnRoom();
      order.push(name);
      now += 3;
    });
    const others = (async () => {
      for (let turn = 0; turn < 3; turn++) {
        await nextTurn();
        order.push("others");
      }
    })();
    await Promise.all([...all, others]);
    for (const [first, second] of [
      ["a", "b"],
      ["b", "c"],
    ] as const) {
      expect(order.slice(order.indexOf(first), order.indexOf(second))).toContain("others");
    }
  });

  it("counts all that each takes before the next one is let on, however many steps that has", async () => {
    useUp();
    const crowd = Array.from({ length: 40 }, () => async (count: () => void) => {
      await turnRoom();
      await someSteps();
      now += 1;
      count();
    });
    expect(Math.max(...(await countByTurn(crowd)))).toBeLessThanOrEqual(4);
  });

  it("lets somebody on in turns that others have used up", async () => {
    useUp();
    const crowd = Array.from({ length: 20 }, () => async (count: () => void) => {
      await turnRoom();
      count();
      setImmediate(() => (now += 50));
    });
    const counts = await countByTurn(crowd);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20);
  });

  it("lets many on in a turn where they take little, and no more than so many", async () => {
    useUp();
    const crowd = Array.from({ length: 1_000 }, () => async (count: () => void) => {
      await turnRoom();
      count();
    });
    const counts = await countByTurn(crowd);
    expect(Math.max(...counts)).toBeLessThanOrEqual(MAX_AT_ONCE);
    expect(counts.length).toBeLessThan(20);
  });

  it("prefers those who are nearer to their end, and forgets nobody", async () => {
    useUp();
    const order: TurnStage[] = [];
    const stages: readonly TurnStage[] = ["begins", "goesOn", "finishes"];
    const all = stages.flatMap((stage) =>
      Array.from({ length: 30 }, async () => {
        await turnRoom(stage);
        order.push(stage);
        now += 1;
      }),
    );
    await Promise.all(all);
    const lastOf = (stage: TurnStage): number => order.lastIndexOf(stage);
    expect(lastOf("finishes")).toBeLessThan(lastOf("goesOn"));
    const early = order.slice(0, 30).filter((stage) => stage === "begins");
    expect(early.length).toBeGreaterThan(0);
    expect(early.length).toBeLessThanOrEqual(15);
  });
});

describe("waitForRoom()", () => {
  it("ends at once when the signal fires, and the others go on", async () => {
    useUp();
    const gone = new AbortController();
    const left = waitForRoom("begins", { signal: gone.signal });
    const stays = waitForRoom("begins");
    gone.abort();
    let turns = 0;
    const counting = setImmediate(() => turns++);
    await expect(left).rejects.toMatchObject({ code: "ERR_CANCELED" });
    clearImmediate(counting);
    expect(turns).toBe(0);
    await expect(stays).resolves.toBeUndefined();
  });
});

describe("goOnInTurn()", () => {
  it("lets no more than a bounded number of those who share go on in one turn, whatever comes of it", async () => {
    for (const outcome of [() => Promise.resolve("here"), () => Promise.reject(new Error("gone"))]) {
      const shared = nextTurn().then(outcome);
      const crowd = Array.from({ length: 1_000 }, () => async (count: () => void) => {
        await goOnInTurn(shared, "goesOn").catch(() => {});
        count();
      });
      expect(Math.max(...(await countByTurn(crowd)))).toBeLessThanOrEqual(MAX_AT_ONCE + MAX_UNHEARD);
    }
  });

  it("gives the outcome that was shared", async () => {
    useUp();
    const error = new Error("gone");
    await expect(goOnInTurn(Promise.resolve(7), "goesOn")).resolves.toBe(7);
    await expect(goOnInTurn(Promise.reject(error), "goesOn")).rejects.toBe(error);
  });

  it("keeps nobody whose signal has fired", async () => {
    useUp();
    const signal = AbortSignal.abort();
    let turns = 0;
    const counting = setImmediate(() => turns++);
    await expect(goOnInTurn(Promise.reject(new Error("gone")), "goesOn", { signal })).rejects.toThrow("gone");
    clearImmediate(counting);
    expect(turns).toBe(0);
  });
});
