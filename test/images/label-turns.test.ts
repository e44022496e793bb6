import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { isCanceled } from "../../src/errors.ts";
import { LabelTurns } from "../../src/images/label-turns.ts";

const digests = ["one", "other"].map((text) => digestOf(text));

describe("LabelTurns.take()", () => {
  it("makes the same change once for all who want it at the same time", async () => {
    const turns = new LabelTurns();
    let made = 0;
    const change = async (): Promise<void> => {
      await Promise.resolve();
      made++;
    };
    await Promise.all(Array.from({ length: 5 }, () => turns.take({ digests, what: "a" }, change, {})));
    expect(made).toBe(1);
    await turns.take({ digests, what: "a" }, change, {});
    expect(made).toBe(2);
  });

  it("makes different changes of one blob one after the other", async () => {
    const turns = new LabelTurns();
    const steps: string[] = [];
    const change = (what: string) => async () => {
      steps.push(`${what} begins`);
      await Promise.resolve();
      steps.push(`${what} ends`);
    };
    await Promise.all(["a", "b"].map((what) => turns.take({ digests, what }, change(what), {})));
    expect(steps).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  });

  it("lets who gives up go, and goes on for the others", async () => {
    const turns = new LabelTurns();
    const { promise, resolve } = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const left = turns.take({ digests, what: "a" }, () => promise, { signal: leaving.signal });
    const stays = turns.take({ digests, what: "a" }, () => promise, {});
    leaving.abort();
    await expect(left.catch(isCanceled)).resolves.toBe(true);
    resolve();
    await stays;
  });
});
