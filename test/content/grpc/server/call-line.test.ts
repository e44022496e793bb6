import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallLine } from "../../../../src/content/grpc/server/call-line.ts";
import type { ServerCall } from "../../../../src/content/grpc/server/server-call.ts";

/** As much of a call as the line knows, and a handler of it that ends when it is told to. */
class FakeCall {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  readonly #end = Promise.withResolvers<void>();
  state: "waiting" | "running" | "done" = "waiting";
  failed: number | undefined;

  readonly handler = async (): Promise<void> => {
    this.state = "running";
    await this.#end.promise;
    this.state = "done";
  };

  cancel(reason?: Error): void {
    this.#controller.abort(reason);
  }

  fail({ code }: { code: number }): void {
    this.failed = code;
  }

  release(): void {}

  async end(): Promise<void> {
    this.#end.resolve();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

function enter(line: CallLine): FakeCall {
  const call = new FakeCall();
  line.enter(call as unknown as ServerCall, call.handler);
  return call;
}

async function change(line: CallLine, calls: FakeCall[], kind: string, call?: FakeCall): Promise<void> {
  if (kind === "enter") calls.push(enter(line));
  else if (kind === "cancel") call?.cancel();
  else if (call?.state === "running") await call.end();
}

/** Four at work, two of them for calls that are over; and none waits without need. */
function expectBounds(calls: readonly FakeCall[]): void {
  const running = calls.filter(({ state }) => state === "running");
  const abandoned = running.filter(({ signal }) => signal.aborted).length;
  const waiting = calls.some(({ state, signal }) => state === "waiting" && !signal.aborted);
  expect(running.length).toBeLessThanOrEqual(4);
  expect(!waiting || running.length === 4 || abandoned >= 2).toBe(true);
}

describe("CallLine", () => {
  it("never has more handlers at work than it may, whatever is cancelled and ends when", async () => {
    const step = fc.record({ kind: fc.constantFrom("enter", "cancel", "end"), at: fc.nat(20) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const line = new CallLine({ maxHandlers: 4, maxAbandoned: 2 });
        const calls: FakeCall[] = [];
        for (const { kind, at } of steps) {
          await change(line, calls, kind, calls[at % Math.max(1, calls.length)]);
          expectBounds(calls);
        }
        for (let round = 0; round <= calls.length; round++)
          await Promise.all(calls.map((call) => call.end()));
        expect(calls.every(({ state, signal }) => state === "done" || signal.aborted)).toBe(true);
      }),
    );
  });

  it("lets a call go that is cancelled in line, and fails it by its reason", () => {
    const line = new CallLine({ maxHandlers: 1, maxAbandoned: 1 });
    enter(line);
    const call = enter(line);
    call.cancel();
    expect([call.state, call.failed]).toEqual(["waiting", 2]);
  });

  it("cancels all, running and waiting", () => {
    const line = new CallLine({ maxHandlers: 1, maxAbandoned: 1 });
    const calls = [enter(line), enter(line), enter(line)];
    line.cancel(new Error("closing"));
    expect(calls.every(({ signal }) => signal.aborted)).toBe(true);
    expect(calls.map(({ state }) => state)).toEqual(["running", "waiting", "waiting"]);
  });
});
