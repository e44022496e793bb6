import { describe, expect, it } from "vitest";
import { waitTurn } from "../../src/async/wait-turn.ts";
import { ErrCanceled } from "../../src/errors.ts";

describe("waitTurn()", () => {
  it("waits until its entry is called, behind those that came before", async () => {
    const queue: Array<() => void> = [];
    const turns: string[] = [];
    const waits = ["first", "second"].map((name) => waitTurn(queue, {}).then(() => turns.push(name)));
    while (queue.length > 0) queue.shift()?.();
    await Promise.all(waits);
    expect(turns).toEqual(["first", "second"]);
  });

  it("leaves the queue when the signal fires", async () => {
    const queue: Array<() => void> = [];
    const controller = new AbortController();
    const waits = [waitTurn(queue, {}), waitTurn(queue, controller), waitTurn(queue, {})];
    controller.abort();
    await expect(waits[1]).rejects.toThrow(ErrCanceled);
    expect(queue).toHaveLength(2);
  });

  it("never gets into the queue when the signal has fired before", async () => {
    const queue: Array<() => void> = [];
    await expect(waitTurn(queue, { signal: AbortSignal.abort() })).rejects.toThrow(ErrCanceled);
    expect(queue).toEqual([]);
  });
});
