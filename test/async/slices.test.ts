import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inSlices, type Pause, Slices, type Steps } from "../../src/async/slices.ts";
import { ErrCanceled } from "../../src/errors.ts";

/** Time that passes between two looks at the clock, in milliseconds. */
let step = 0;

beforeEach(() => {
  let now = 0;
  step = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += step));
});

afterEach(() => vi.restoreAllMocks());

/** Counts turns of the event loop while `work` is under way. */
async function turnsDuring(work: (turn: () => number) => Promise<void>): Promise<number> {
  let turns = 0;
  const count = (): void => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await work(() => turns);
  clearImmediate(next);
  return turns;
}

function* threeSteps(done: number[]): Steps<string> {
  for (const step of [1, 2, 3]) {
    done.push(step);
    yield;
  }
  return "all";
}

describe("inSlices()", () => {
  it("lets others go on between two steps, and gives what they come to", async () => {
    step = 100;
    const done: number[] = [];
    const turns = await turnsDuring(async () => {
      expect(await inSlices(threeSteps(done), new Slices().pause)).toBe("all");
    });
    expect(done).toEqual([1, 2, 3]);
    expect(turns).toBeGreaterThan(1);
  });
});

/** A step of another program, and one before and behind it; what it leaves open is closed in any case. */
function* withStepElsewhere(done: string[], meanwhile: (pause: Pause) => Promise<void>): Steps<void> {
  try {
    yield;
    yield meanwhile;
    done.push("behind");
  } finally {
    done.push("closed");
  }
}

async function refuse(): Promise<void> {
  throw new ErrCanceled("context canceled");
}

describe("a step that another program does", () => {
  it("is waited for beside others", async () => {
    const done: string[] = [];
    const meanwhile = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push("meanwhile");
    };
    await inSlices(withStepElsewhere(done, meanwhile), new Slices().pause);
    expect(done).toEqual(["meanwhile", "behind", "closed"]);
  });

  it("leaves nothing open when the work is not wanted any more", async () => {
    const done: string[] = [];
    const working = inSlices(withStepElsewhere(done, refuse), new Slices().pause);
    await expect(working).rejects.toThrow(ErrCanceled);
    expect(done).toEqual(["closed"]);
  });
});

describe("Slices", () => {
  it("lets others go on after a while, and not before", async () => {
    step = 1;
    const { pause } = new Slices();
    const turns = await turnsDuring(async () => {
      for (let call = 0; call < 100; call++) await pause();
    });
    expect(turns).toBeGreaterThan(5);
    expect(turns).toBeLessThan(20);
  });

  it("waits for nothing while it is quick", async () => {
    const { pause } = new Slices();
    for (let call = 0; call < 1_000; call++) expect(pause()).toBeUndefined();
  });

  it("has one of several works go on in a turn", async () => {
    step = 100;
    const seen: number[] = [];
    await turnsDuring(async (turn) => {
      const work = async (): Promise<void> => {
        const { pause } = new Slices();
        for (let call = 0; call < 10; call++) {
          await pause();
          seen.push(turn());
        }
      };
      await Promise.all([work(), work(), work()]);
    });
    expect(seen).toHaveLength(30);
    expect(new Set(seen).size).toBe(30);
  });

  it("ends with the signal, and others go on", async () => {
    step = 100;
    const controller = new AbortController();
    const [aborted, other] = [new Slices({ signal: controller.signal }), new Slices()];
    const rejected = expect(aborted.pause()).rejects.toThrow(ErrCanceled);
    controller.abort();
    await other.pause();
    await rejected;
  });
});
