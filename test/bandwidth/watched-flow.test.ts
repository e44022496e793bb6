import { expect, it } from "vitest";
import type { Flow, TapEnd } from "../../src/bandwidth/flow.ts";
import { watchFlow } from "../../src/bandwidth/watched-flow.ts";
import { ManualClock } from "../xfer/manual-clock.ts";

/** A flow whose taps the test turns. */
function manualFlow() {
  const taps: TapEnd[] = [];
  const flow: Flow = {
    open(tap) {
      taps.push(tap);
      tap.meter();
      return { ask: () => {}, close: () => {} };
    },
  };
  return { flow, taps };
}

const END: TapEnd = { open: () => {}, meter: () => {}, grant: () => {} };

it("watchFlow() tells for how long bodies have waited for what they may have", async () => {
  const clock = new ManualClock();
  const { flow, taps } = manualFlow();
  const watched = watchFlow(flow, clock);
  const [one, other] = [watched.flow.open(END), watched.flow.open(END)];
  await clock.advance(100);
  expect(watched.heldMs).toBe(0);
  one.ask(1_000);
  await clock.advance(50);
  other.ask(1_000);
  await clock.advance(50);
  expect(watched.heldMs).toBe(100); // both at the same time
  taps[0]?.grant(1_000);
  await clock.advance(10);
  other.close(0);
  await clock.advance(100);
  expect(watched.heldMs).toBe(110);
});

it("watchFlow() counts nothing where there is no limit, and none that is granted at once", async () => {
  const clock = new ManualClock();
  const { flow, taps } = manualFlow();
  const watched = watchFlow(flow, clock);
  const outlet = watched.flow.open(END);
  outlet.ask(1_000);
  taps[0]?.grant(1_000);
  await clock.advance(100);
  taps[0]?.open();
  outlet.ask(1_000);
  await clock.advance(100);
  expect(watched.heldMs).toBe(0);
});

it("watchFlow() leaves all else that a flow can", () => {
  const { flow } = manualFlow();
  let cuts = 0;
  const yielding = { ...flow, isHeld: true, cut: () => cuts++ };
  const { flow: watched } = watchFlow(yielding);
  expect("cut" in watched).toBe(true);
  (watched as typeof yielding).cut();
  expect([(watched as typeof yielding).isHeld, cuts]).toEqual([true, 1]);
});
