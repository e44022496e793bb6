import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { abortable, abortError, anySignal, throwIfAborted } from "../../src/async/abort.ts";
import { ErrCanceled, ErrDeadlineExceeded, ErrNotFound } from "../../src/errors/classes.ts";

describe("abortError()", () => {
  it.each([undefined, "stop", new Error("stop")])("is ErrCanceled with the reason %s as cause", (reason) => {
    const signal = AbortSignal.abort(reason);
    const error = abortError(signal);
    expect(error).toBeInstanceOf(ErrCanceled);
    expect(error).toMatchObject({ message: "context canceled", cause: signal.reason });
  });

  it("is ErrDeadlineExceeded for a timeout", () => {
    const reason = new DOMException("The operation timed out", "TimeoutError");
    const signal = AbortSignal.any([AbortSignal.abort(reason), new AbortController().signal]);
    expect(abortError(signal)).toBeInstanceOf(ErrDeadlineExceeded);
    expect(abortError(signal)).toMatchObject({ message: "context deadline exceeded", cause: reason });
  });

  it("is the reason itself when that is one of ours", () => {
    const reason = new ErrNotFound("get manifest: not found");
    expect(abortError(AbortSignal.abort(reason))).toBe(reason);
  });
});

describe("throwIfAborted()", () => {
  it("does nothing without a signal or before it fires", () => {
    expect(throwIfAborted(undefined)).toBeUndefined();
    expect(throwIfAborted(new AbortController().signal)).toBeUndefined();
  });

  it("throws once the signal fired", () => {
    expect(() => throwIfAborted(AbortSignal.abort())).toThrow(ErrCanceled);
  });
});

describe("anySignal()", () => {
  it("fires with the first signal that does, and takes those that are not there for ones that never fire", () => {
    const controller = new AbortController();
    const signal = anySignal(new AbortController().signal, undefined, controller.signal);
    expect(signal.aborted).toBe(false);
    controller.abort("enough");
    expect(signal.reason).toBe("enough");
    expect(anySignal(undefined).aborted).toBe(false);
  });
});

describe("abortable()", () => {
  it("is the promise itself without a signal", () => {
    const promise = Promise.resolve(1);
    expect(abortable(promise, undefined)).toBe(promise);
  });

  it("settles as the promise does and leaves no listener", async () => {
    const { signal } = new AbortController();
    const failure = new Error("x");
    await expect(abortable(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(abortable(Promise.reject(failure), signal)).rejects.toBe(failure);
    await Promise.resolve();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("rejects as soon as the signal fires, whatever the promise does later", async () => {
    const controller = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting = abortable(promise, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toBeInstanceOf(ErrCanceled);
    reject(new Error("too late"));
    await expect(promise).rejects.toThrow("too late");
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("rejects at once when the signal fired before, and takes a later failure of the promise with it", async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting = abortable(promise, AbortSignal.abort());
    await expect(waiting).rejects.toBeInstanceOf(ErrCanceled);
    reject(new Error("too late")); // an unhandled rejection would fail the run
  });
});
