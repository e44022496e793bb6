import { describe, expect, it } from "vitest";
import { Handoff } from "../../src/async/handoff.ts";
import { ErrCanceled, ErrNotFound } from "../../src/errors.ts";

describe("Handoff", () => {
  it("gives an item back when the next one is asked for, and not before", async () => {
    const handoff = new Handoff<string>();
    const events: string[] = [];
    const giving = handoff.give("a").then(() => events.push("a is back"));
    expect(await handoff.next()).toBe("a");
    await Promise.resolve();
    expect(events).toEqual([]);
    const second = handoff.next();
    await giving;
    void handoff.give("b");
    expect(await second).toBe("b");
  });

  it("ends, once what was given is taken, for whoever asks however often", async () => {
    const handoff = new Handoff<string>();
    const giving = handoff.give("last").then(() => handoff.end());
    expect(await handoff.next()).toBe("last");
    expect(await handoff.next()).toBeUndefined();
    expect(await handoff.next()).toBeUndefined();
    await giving;
  });

  it("fails for the one who takes with what it was ended with", async () => {
    const handoff = new Handoff<string>();
    const waiting = handoff.next();
    handoff.end({ error: new ErrNotFound("gone") });
    await expect(waiting).rejects.toBeInstanceOf(ErrNotFound);
    await expect(handoff.next()).rejects.toBeInstanceOf(ErrNotFound);
  });

  it("tells the one who gives when nobody takes any more", async () => {
    const handoff = new Handoff<string>();
    const giving = handoff.give("a");
    handoff.leave();
    await expect(giving).rejects.toBeInstanceOf(ErrCanceled);
    await expect(handoff.give("b")).rejects.toBeInstanceOf(ErrCanceled);
  });
});
