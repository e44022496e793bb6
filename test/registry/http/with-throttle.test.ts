import { describe, expect, it } from "vitest";
import type { Clock } from "../../../src/async/clock.ts";
import { ErrCanceled } from "../../../src/errors/classes.ts";
import { isRetryable } from "../../../src/errors/predicates.ts";
import type { HttpRequest, HttpResponse } from "../../../src/registry/http/send.ts";
import { MAX_PAUSE_MS, PROBE_WAIT_MS, withThrottle } from "../../../src/registry/http/with-throttle.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { fakeResponse, fakeSend } from "../support/fake-send.ts";

const A: HttpRequest = { method: "GET", url: "https://a.test/x?sig=secret" };
const B: HttpRequest = { method: "GET", url: "https://b.test/x" };
const REFUSED = { notSent: true, endpoint: "https://a.test" };

interface Answer {
  readonly status: number;
  readonly retryAfter?: string | undefined;
}

/** Gives the answers one after the other, then 200 for ever. */
function throttled(answers: readonly Answer[], clock: Clock & FakeClock = new FakeClock()) {
  const { send, requests } = fakeSend((request, index) => {
    const { status, retryAfter } = answers[index] ?? { status: 200 };
    return fakeResponse(request, { status, headers: retryAfter ? { "retry-after": retryAfter } : {} });
  });
  return { send: withThrottle(send, { clock }), requests, clock };
}

/** The request that sees whether the origin is ready is answered by the test. */
async function probed() {
  const clock = new FakeClock();
  const probe = Promise.withResolvers<HttpResponse>();
  let count = 0;
  const send = withThrottle(
    async (request) => {
      count++;
      if (count === 1) return fakeResponse(request, { status: 429, headers: { "retry-after": "5" } });
      return count === 2 ? await probe.promise : fakeResponse(request, {});
    },
    { clock },
  );
  await send(A);
  clock.advance(5_000);
  const abort = new AbortController();
  const first = send({ ...A, signal: abort.signal });
  first.catch(() => {}); // each test says what becomes of it
  return { send, clock, probe, abort, first, sent: () => count };
}

describe("withThrottle()", () => {
  it.each([
    [429, "7", "ErrResourceExhausted"],
    [503, "7", "ErrUnavailable"],
    [429, "Thu, 01 Jan 2026 00:00:07 GMT", "ErrResourceExhausted"],
  ])("after %d with Retry-After %s refuses further requests at once", async (status, retryAfter, name) => {
    const { send, requests, clock } = throttled([{ status, retryAfter }]);
    expect((await send(A)).status).toBe(status);
    clock.advance(3_000);
    const error = await send(A).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      ...REFUSED,
      name,
      message: `GET https://a.test: not sent: the server answered ${status} and asked to wait 4 more seconds`,
      httpStatus: status,
      retryAfterMs: 4_000,
    });
    expect(isRetryable(error)).toBe(true);
    expect(clock.sleeps).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it("does not hold other origins back, nor the same one later", async () => {
    const { send, requests, clock } = throttled([{ status: 429, retryAfter: "7" }]);
    await send(A);
    await send(B);
    clock.advance(7_000);
    await send(A);
    expect(requests).toHaveLength(3);
  });

  it.each([
    [429, undefined],
    [429, "soon"],
    [429, "-5"],
    [429, "0"],
    [200, "7"],
    [500, "7"],
  ])("does not hold back after %d with Retry-After %s", async (status, retryAfter) => {
    const { send, requests } = throttled([{ status, retryAfter }]);
    await send(A);
    await Promise.all([send(A), send(A)]);
    expect(requests).toHaveLength(3);
  });

  it("keeps to the longest pause that was asked for", async () => {
    const { send, clock } = throttled(["5", "20"].map((retryAfter) => ({ status: 429, retryAfter })));
    await Promise.all([send(A), send(A)]);
    clock.advance(5_000);
    await expect(send(A)).rejects.toMatchObject({ ...REFUSED, retryAfterMs: 15_000 });
    clock.advance(15_000);
    await expect(send(A)).resolves.toMatchObject({ status: 200 });
  });

  it.each(["86400", "999999999"])(
    "asks again after a bounded time when told to wait %s",
    async (retryAfter) => {
      const { send, clock } = throttled([{ status: 429, retryAfter }]);
      await send(A);
      clock.advance(MAX_PAUSE_MS - 1);
      const retryAfterMs = Number(retryAfter) * 1_000 - MAX_PAUSE_MS + 1;
      await expect(send(A)).rejects.toMatchObject({ ...REFUSED, retryAfterMs });
      clock.advance(1);
      await expect(send(A)).resolves.toMatchObject({ status: 200 });
    },
  );

  it("does not care when somebody sets the machine's clock", async () => {
    class SetClock extends FakeClock {
      stepMs = 0;
      override now(): number {
        return super.now() + this.stepMs;
      }
    }
    const clock = new SetClock();
    const { send } = throttled([{ status: 429, retryAfter: "5" }], clock);
    await send(A);
    clock.stepMs = -3_600_000;
    await expect(send(A)).rejects.toMatchObject({ retryAfterMs: 5_000 });
    clock.stepMs = 3_600_000;
    await expect(send(A)).rejects.toMatchObject({ retryAfterMs: 5_000 });
  });

  describe("when a pause is over", () => {
    it("lets one request through, and the others when that was answered", async () => {
      const { send, probe, first, sent } = await probed();
      await expect(send(A)).rejects.toMatchObject({ ...REFUSED, retryAfterMs: PROBE_WAIT_MS });
      expect(sent()).toBe(2);
      probe.resolve(fakeResponse(A, { status: 404 }));
      await first;
      await Promise.all([send(A), send(A)]);
      expect(sent()).toBe(4);
    });

    it("goes on holding back when that one is told to wait again", async () => {
      const { send, probe, first } = await probed();
      probe.resolve(fakeResponse(A, { status: 503, headers: { "retry-after": "9" } }));
      await first;
      await expect(send(A)).rejects.toMatchObject({ ...REFUSED, httpStatus: 503, retryAfterMs: 9_000 });
    });

    it("lets the others through when that one gets no answer", async () => {
      const { send, probe, first, sent } = await probed();
      probe.reject(new Error("connection reset"));
      await expect(first).rejects.toThrow("connection reset");
      await Promise.all([send(A), send(A)]);
      expect(sent()).toBe(4);
    });

    it("lets another one through when that one is canceled", async () => {
      const { send, probe, abort, first, sent } = await probed();
      abort.abort();
      probe.reject(new ErrCanceled("context canceled"));
      await expect(first).rejects.toThrow(ErrCanceled);
      await send(A);
      expect(sent()).toBe(3);
    });
  });
});
