import { describe, expect, it } from "vitest";
import { plainWaiter } from "../../src/async/waiting.ts";
import { Bandwidth } from "../../src/bandwidth/bandwidth.ts";
import type { Flow } from "../../src/bandwidth/flow.ts";
import { givingWay } from "../../src/bandwidth/giving-way.ts";
import { Payers } from "../../src/bandwidth/payers.ts";
import { Tap } from "../../src/bandwidth/tap.ts";
import { ErrCanceled, ErrDataLoss, ErrUnavailable } from "../../src/errors/classes.ts";
import { stateOf } from "../xfer/flush.ts";
import { ManualClock } from "../xfer/manual-clock.ts";

/** Longer than the foreground has to be quiet. */
const QUIET_MS = 300;

function scene() {
  const clock = new ManualClock();
  const bandwidth = new Bandwidth({}, clock);
  const payers = new Payers();
  payers.isYielding = true;
  const controller = new AbortController();
  const { signal } = controller;
  const reasons: string[] = [];
  const waiter = plainWaiter({ signal, show: ({ words }) => reasons.push(words) });
  const attempts: Array<PromiseWithResolvers<string> & { flow: Flow; signal: AbortSignal }> = [];
  const running = givingWay({ bandwidth, host: "registry.example", payers, waiter, signal }, (flow, own) => {
    const attempt = { ...Promise.withResolvers<string>(), flow, signal: own };
    own.addEventListener("abort", () => attempt.reject(own.reason));
    attempts.push(attempt);
    return attempt.promise;
  });
  running.catch(() => {});
  return { clock, bandwidth, payers, controller, reasons, attempts, running };
}

describe("givingWay()", () => {
  it("does its work when nobody else wants anything", async () => {
    const { attempts, running, clock } = scene();
    attempts[0]?.resolve("done");
    expect(await running).toBe("done");
    expect(clock.sleeping).toBe(0);
  });

  it("lets nothing pass while somebody wants something, nor for a moment after that", async () => {
    const { attempts, bandwidth, clock, reasons } = scene();
    const tap = new Tap((attempts[0] as { flow: Flow }).flow);
    expect(tap.take(10, 100)).toBe(10);
    const end = bandwidth.foreground.begin();
    expect(tap.take(10, 90)).toBe(0);
    await clock.advance(10_000);
    expect(reasons).toEqual(["Waiting for other transfers"]);
    expect(await stateOf(tap.flowing)).toBe("pending");
    end();
    await clock.advance(100);
    bandwidth.foreground.begin()();
    await clock.advance(200);
    expect(await stateOf(tap.flowing)).toBe("pending");
    await clock.advance(100);
    expect(await stateOf(tap.flowing)).toBe("resolved");
    expect(tap.take(10, 90)).toBe(10);
    tap.close();
    expect(attempts).toHaveLength(1);
  });

  it("stands still no longer when somebody in the foreground wants the same", async () => {
    const { attempts, bandwidth, payers } = scene();
    const tap = new Tap((attempts[0] as { flow: Flow }).flow);
    bandwidth.foreground.begin();
    expect(tap.take(10, 100)).toBe(0);
    payers.isYielding = false;
    await tap.flowing;
    expect(tap.take(10, 100)).toBe(10);
    payers.isYielding = true;
    expect(tap.take(10, 90)).toBe(0);
  });

  it("is begun again when it was broken off, or its connection broke while it stood still", async () => {
    const { attempts, bandwidth, clock, running } = scene();
    const tap = new Tap((attempts[0] as { flow: Flow }).flow);
    const end = bandwidth.foreground.begin();
    await clock.advance(0);
    tap.close();
    attempts[0]?.reject(new ErrUnavailable("connection closed", { retryable: true }));
    await clock.advance(1_000);
    expect(attempts).toHaveLength(1);
    end();
    await clock.advance(QUIET_MS);
    expect(attempts).toHaveLength(2);
    const again = bandwidth.foreground.begin(); // nothing has come yet: whoever waits for its connection is first
    await clock.advance(0);
    expect(attempts[1]?.signal.aborted).toBe(true);
    again();
    await clock.advance(QUIET_MS);
    attempts[2]?.resolve("done");
    expect(await running).toBe("done");
  });

  it("fails as its work does", async () => {
    const broken = scene();
    broken.attempts[0]?.reject(new ErrUnavailable("reset", { retryable: true }));
    await expect(broken.running).rejects.toBeInstanceOf(ErrUnavailable); // it did not stand still
    const wrong = scene();
    wrong.bandwidth.foreground.begin();
    wrong.attempts[0]?.reject(new ErrDataLoss("wrong bytes"));
    await expect(wrong.running).rejects.toBeInstanceOf(ErrDataLoss);
  });

  it("leaves at once when nobody wants it", async () => {
    const { controller, bandwidth, clock, running } = scene();
    bandwidth.foreground.begin();
    await clock.advance(0);
    controller.abort();
    await expect(running).rejects.toBeInstanceOf(ErrCanceled);
    const late = scene();
    late.controller.abort();
    await expect(late.running).rejects.toBeInstanceOf(ErrCanceled);
  });
});
