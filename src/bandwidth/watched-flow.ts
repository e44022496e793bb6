import { type Clock, systemClock } from "../async/clock.ts";
import type { Flow, Outlet, TapEnd } from "./flow.ts";

/** A flow, and for how long it has held its bytes back. */
export interface WatchedFlow {
  readonly flow: Flow;
  /** For how long any of its bodies has waited for what it may have, in milliseconds: a limit that is not reached grants it at once. */
  readonly heldMs: number;
}

/** Watches how long a flow holds its bytes back. */
export function watchFlow(flow: Flow, clock: Clock = systemClock): WatchedFlow {
  let [asking, sinceMs, sumMs] = [0, 0, 0];
  const open = (tap: TapEnd): Outlet => {
    let [isMetered, isAsking] = [false, false];
    const settle = (): void => {
      if (isAsking && --asking === 0) sumMs += clock.elapsed() - sinceMs;
      isAsking = false;
    };
    const outlet = flow.open({
      open() {
        isMetered = false;
        settle();
        tap.open();
      },
      meter() {
        isMetered = true;
        tap.meter();
      },
      grant(bytes) {
        settle();
        tap.grant(bytes);
      },
    });
    return {
      ask(mostBytes) {
        if (isMetered && !isAsking) {
          isAsking = true;
          if (asking++ === 0) sinceMs = clock.elapsed();
        }
        outlet.ask(mostBytes);
      },
      close(unspentBytes) {
        settle();
        outlet.close(unspentBytes);
      },
    };
  };
  return {
    flow: Object.create(flow, { open: { value: open } }) as Flow, // all else that it can is as it was
    get heldMs() {
      return sumMs + (asking > 0 ? clock.elapsed() - sinceMs : 0);
    },
  };
}
