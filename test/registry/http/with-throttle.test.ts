import { describe, expect, it } from "vitest";
import { ErrCanceled } from "../../../src/errors/classes.ts";
import { isRetryable } from "../../../src/errors/predicates.ts";
import type { HttpRequest } from "../../../src/registry/http/send.ts";
import { MAX_THROTTLE_WAIT_MS, withThrottle } from "../../../src/registry/http/with-throttle.ts";
import { FakeClock, HastyClock } from "../support/fake-clock.ts";
import { fakeResponse, fakeSend } from "../support/fake-send.ts";

const A: HttpRequest = { method: "GET", url: "https://a.test/x?sig=secret" };
const B: HttpRequest = { method: "GET", url: "https://b.test/x" };

/** The first answer is `status` with `retryAfter`, all others are 200. */
function throttled(status: number, retryAfter: string | undefined, clock = new FakeClock()) {
  const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  const { send, requests } = fakeSend((request, index) =>
    fakeResponse(request, index === 0 ? { status, headers } : {}),
  );
  return { send: withThrottle(send, { clock }), requests, clock };
}

describe("withThrottle()", () => {
  it.each([
    [429, "7"],
    [503, "7"],
    [429, "Thu, 01 Jan 2026 00:00:07 GMT"],
  ])("after %d with Retry-After %s lets the next request wait", async (status, retryAfter) => {
    const { send, requests, clock } = throttled(status, retryAfter);
    expect((await send(A)).status).toBe(status);
    const second = send(A);
    await Promise.resolve();
    expect(clock.sleeps).toEqual([7_000]);
    expect(requests).toHaveLength(1);
    clock.advance(7_000);
    expect((await second).status).toBe(200);
  });

  it("does not make other origins wait, nor the same one later", async () => {
    const { send, clock } = throttled(429, "7");
    await send(A);
    await send(B);
    clock.advance(7_000);
    await send(A);
    expect(clock.sleeps).toEqual([]);
  });

  it.each([
    [429, undefined],
    [429, "soon"],
    [429, "-5"],
    [200, "7"],
    [500, "7"],
  ])("does not wait after %d with Retry-After %s", async (status, retryAfter) => {
    const { send, clock } = throttled(status, retryAfter);
    await send(A);
    await send(A);
    expect(clock.sleeps).toEqual([]);
  });

  it("waits on when the origin asked for more meanwhile", async () => {
    const clock = new FakeClock();
    const answers = ["5", "20"];
    const { send: below, requests } = fakeSend((request, index) => {
      const retryAfter = answers[index];
      const throttling = { status: 429, headers: { "retry-after": retryAfter } };
      return fakeResponse(request, retryAfter === undefined ? {} : throttling);
    });
    const send = withThrottle(below, { clock });
    await Promise.all([send(A), send(A)]);
    const third = send(A);
    await Promise.resolve();
    clock.advance(5_000);
    await Promise.resolve();
    expect(requests).toHaveLength(2);
    clock.advance(15_000);
    await third;
    expect(requests).toHaveLength(3);
  });

  it("rejects at once when the wait would be longer than the limit", async () => {
    const { send, requests, clock } = throttled(429, "3600");
    await send(A);
    clock.advance(60_000);
    const error = await send(A).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      name: "ErrResourceExhausted",
      message: "GET https://a.test: not sent: the server answered 429 and asked to wait 3540 more seconds",
      endpoint: "https://a.test",
      httpStatus: 429,
      retryAfterMs: 3_540_000,
    });
    expect(isRetryable(error)).toBe(true);
    expect(requests).toHaveLength(1);
  });

  it("waits for exactly the limit", async () => {
    const { send, requests } = throttled(503, String(MAX_THROTTLE_WAIT_MS / 1_000), new HastyClock());
    await send(A);
    await send(A);
    expect(requests).toHaveLength(2);
  });

  it("stops waiting when the signal fires", async () => {
    const { send, requests } = throttled(429, "7");
    await send(A);
    const aborter = new AbortController();
    const second = send({ ...A, signal: aborter.signal });
    await Promise.resolve();
    aborter.abort();
    await expect(second).rejects.toBeInstanceOf(ErrCanceled);
    expect(requests).toHaveLength(1);
  });
});
