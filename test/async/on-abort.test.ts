import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { onAbort } from "../../src/async/on-abort.ts";

describe("onAbort()", () => {
  it("calls everybody once, in their order, with the reason", () => {
    const controller = new AbortController();
    const heard: unknown[] = [];
    for (const name of ["a", "b"]) onAbort(controller.signal, (reason) => heard.push([name, reason]));
    controller.abort("enough");
    expect(heard).toEqual([
      ["a", "enough"],
      ["b", "enough"],
    ]);
  });

  it("calls at once when the signal has fired", () => {
    const heard: unknown[] = [];
    onAbort(AbortSignal.abort("before"), (reason) => heard.push(reason))();
    expect(heard).toEqual(["before"]);
  });

  it("does nothing without a signal", () => {
    expect(() => onAbort(undefined, () => expect.unreachable())()).not.toThrow();
  });

  it("calls nobody who has left, also while others are called", () => {
    const controller = new AbortController();
    const heard: string[] = [];
    const leave = onAbort(controller.signal, () => heard.push("early"));
    onAbort(controller.signal, () => {
      heard.push("first");
      leaveLater();
    });
    const leaveLater = onAbort(controller.signal, () => heard.push("later"));
    leave();
    controller.abort();
    expect(heard).toEqual(["first"]);
  });

  it("has one listener at the signal, however many listen, and none when all have left", () => {
    const { signal } = new AbortController();
    const leaves = Array.from({ length: 1_000 }, () => onAbort(signal, () => expect.unreachable()));
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const leave of leaves) leave();
    for (const leave of leaves) leave();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("hears a signal again that all had left", () => {
    const controller = new AbortController();
    onAbort(controller.signal, () => expect.unreachable())();
    let times = 0;
    onAbort(controller.signal, () => times++);
    controller.abort();
    expect(times).toBe(1);
  });

  it("counts each listening, also of one and the same function", () => {
    const controller = new AbortController();
    let times = 0;
    const act = (): void => void times++;
    const leave = onAbort(controller.signal, act);
    onAbort(controller.signal, act);
    leave();
    controller.abort();
    expect(times).toBe(1);
  });
});
