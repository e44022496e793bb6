import { describe, expect, it } from "vitest";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrNotFound,
  ErrResourceExhausted,
  ErrUnavailable,
} from "../../src/errors/classes.ts";
import { findError, isNotFound, isRetryable, isUnavailable, isUnknown } from "../../src/errors/predicates.ts";
import { CLASSES } from "./error-classes.ts";

describe.each(CLASSES)("the predicate of $name", ({ is, make, name }) => {
  it("says yes to its class, bare, wrapped and collected", () => {
    const error = new make("x");
    expect(is(error)).toBe(true);
    expect(is(new Error("wrapped", { cause: new TypeError("twice", { cause: error }) }))).toBe(true);
    expect(is(new AggregateError([new Error("other"), error]))).toBe(true);
  });

  it("says no to every other class", () => {
    for (const other of CLASSES) {
      if (other.name !== name) expect(is(new other.make("x"))).toBe(false);
    }
  });

  it("lets the outermost class of ours count", () => {
    const inner = name === "ErrDataLoss" ? new ErrNotFound("x") : new ErrDataLoss("x");
    expect(is(new make("outer", { cause: inner }))).toBe(true);
    expect(is(Object.assign(inner, { cause: new make("inner") }))).toBe(false);
  });
});

describe("findError()", () => {
  it.each([undefined, null, "text", 7, new Error("x"), { cause: new ErrNotFound("x") }])(
    "finds nothing of ours in %s",
    (value) => {
      expect(findError(value)).toBeUndefined();
      expect(isUnknown(value)).toBe(true);
      expect(isNotFound(value)).toBe(false);
    },
  );

  it("looks depth first, collected errors before the cause", () => {
    const first = new ErrNotFound("first");
    const second = new ErrUnavailable("second");
    const third = new ErrCanceled("third");
    const deep = new Error("deep", { cause: first });
    expect(findError(new AggregateError([deep, second], "all", { cause: third }))).toBe(first);
    expect(findError(new AggregateError([second, deep]))).toBe(second);
    expect(findError(new AggregateError([new Error("x")], "all", { cause: third }))).toBe(third);
  });

  it("finds what failed before the leaving failed too", () => {
    const suppressed = new ErrNotFound("first");
    const made = Object.assign(new Error("leaving failed"), { error: new ErrCanceled("later"), suppressed });
    made.name = "SuppressedError";
    expect(findError(made)).toBe(suppressed);
  });

  it("ends on an error that causes itself", () => {
    const loop = new Error("loop");
    loop.cause = new Error("back", { cause: loop });
    expect(findError(loop)).toBeUndefined();
  });

  it("ends on errors that collect each other many times", () => {
    const members: Error[] = [];
    const knot = new AggregateError(members, "knot");
    for (let i = 0; i < 50; i++) knot.errors.push(knot, new Error("leaf"));
    expect(findError(knot)).toBeUndefined();
  });

  it("finds a class under as many causes as anybody nests", () => {
    let error: Error = new ErrNotFound("x");
    for (let depth = 0; depth < 100; depth++) error = new Error(`level ${depth}`, { cause: error });
    expect(isNotFound(error)).toBe(true);
  });

  it("gives up on a chain that nobody nests", () => {
    let error: Error = new ErrNotFound("x");
    for (let depth = 0; depth < 10_000; depth++) error = new Error("level", { cause: error });
    expect(findError(error)).toBeUndefined();
    expect(findError(new AggregateError(Array.from({ length: 1_000_000 }, () => 0)))).toBeUndefined();
  });
});

describe("isRetryable()", () => {
  it("is for ErrUnavailable alone when the error does not say", () => {
    for (const { make, name } of CLASSES) expect(isRetryable(new make("x"))).toBe(name === "ErrUnavailable");
    expect(isRetryable(new Error("x"))).toBe(false);
    expect(isRetryable(undefined)).toBe(false);
  });

  it("lets the error decide", () => {
    expect(isRetryable(new ErrUnavailable("x", { retryable: false }))).toBe(false);
    expect(isRetryable(new ErrResourceExhausted("x", { retryable: true }))).toBe(true);
  });

  it("looks into wrapped errors", () => {
    const wrapped = new Error("x", { cause: new ErrUnavailable("y") });
    expect(isRetryable(wrapped)).toBe(true);
    expect(isUnavailable(wrapped)).toBe(true);
  });
});

describe("a predicate", () => {
  it("tells the compiler that it is an error, whose message can be read", () => {
    const error: unknown = new ErrNotFound("no such thing");
    expect(isNotFound(error) ? error.message : "").toBe("no such thing");
  });
});
