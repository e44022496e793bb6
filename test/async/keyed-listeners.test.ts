import { describe, expect, it } from "vitest";
import { KeyedListeners } from "../../src/async/keyed-listeners.ts";

describe("listeners at a key", () => {
  it("hear what happens there until they leave, and nothing else", () => {
    const listeners = new KeyedListeners<number>();
    const heard: number[] = [];
    const other: number[] = [];
    const leave = listeners.listen("a", (event) => heard.push(event));
    const leaveOther = listeners.listen("a", (event) => other.push(event));
    listeners.tell("a", 1);
    listeners.tell("b", 2);
    leave();
    leave();
    listeners.tell("a", 3);
    leaveOther();
    listeners.tell("a", 4);
    expect([heard, other]).toEqual([[1], [1, 3]]);
  });
});
