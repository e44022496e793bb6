import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { turnRoom } from "../../src/async/turn-room.ts";

/** What the clock says, in milliseconds; it stands still unless a test moves it. */
let now = 1_000;
vi.spyOn(performance, "now").mockImplementation(() => now);

/** Waits until nobody waits any more, so that each test begins with an unused turn. */
afterEach(async () => {
  for (let turn = 0; turn < 100; turn++) await nextTurn();
});

describe("turnRoom()", () => {
  it("has room for everybody while a turn is not used up", () => {
    expect(Array.from({ length: 1_000 }, turnRoom)).toEqual(Array.from({ length: 1_000 }));
  });

  it("has those wait who come when it is, until a later turn", async () => {
    expect(turnRoom()).toBeUndefined();
    now += 8;
    const room = turnRoom();
    expect(room).toBeInstanceOf(Promise);
    await room;
    await nextTurn();
    await nextTurn();
    expect(turnRoom()).toBeUndefined();
  });

  it("lets those who wait on in their order, and nobody past them", async () => {
    expect(turnRoom()).toBeUndefined();
    now += 8;
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
    expect(turnRoom()).toBeUndefined();
    now += 8;
    const order: string[] = [];
    const all = ["a", "b", "c"].map(async (name) => {
      await turnRoom();
      order.push(name);
      now += 8;
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

  it("lets more on in a turn the less they take", async () => {
    expect(turnRoom()).toBeUndefined();
    now += 8;
    let turns = 0;
    const all = Promise.all(Array.from({ length: 1_000 }, async () => await turnRoom()));
    const isOver = all.then(() => true);
    while (!(await Promise.race([isOver, nextTurn(false)]))) turns++;
    expect(turns).toBeLessThan(60);
  });
});
