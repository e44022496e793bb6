import { expect, it } from "vitest";
import { ErrDataLoss, ErrUnavailable } from "../../src/errors/classes.ts";
import { fromWire, toWire } from "../../src/errors/error-wire.ts";

/** What another thread makes of an error. */
const sent = (error: unknown): Error => fromWire(structuredClone(toWire(error, "fetch layer")));

it("an error that was sent keeps its class and what it says", () => {
  const details = {
    endpoint: "https://registry.example",
    httpStatus: 503,
    retryable: true,
    retryAfterMs: 20,
  };
  const error = sent(new ErrUnavailable("busy", details));
  expect(error).toBeInstanceOf(ErrUnavailable);
  expect(error).toMatchObject({ message: "busy", ...details });
});

it("keeps what led to it, and the codes by which that is known", () => {
  const call = { code: "ENOSPC", errno: -28, syscall: "write" };
  const full = Object.assign(
    new Error("no space", { cause: Object.assign(new Error("x"), { code: "E" }) }),
    call,
  );
  const { cause } = sent(new ErrUnavailable("busy", { cause: new ErrDataLoss("short", { cause: full }) }));
  expect(cause).toBeInstanceOf(ErrDataLoss);
  const last = (cause as Error).cause as Error;
  expect(last).toMatchObject({ message: "no space", stack: full.stack, ...call });
  expect(last.cause).toMatchObject({ message: "x", code: "E" });
});

it("keeps the name of an error that is not ours", () => {
  const { cause } = sent(new ErrUnavailable("busy", { cause: new TypeError("no") }));
  expect(cause).toMatchObject({ name: "TypeError", message: "no" });
});

it("ends somewhere when errors led to each other", () => {
  const one = new Error("one");
  one.cause = new Error("other", { cause: one });
  expect(sent(new ErrUnavailable("busy", { cause: one })).cause).toMatchObject({ message: "one" });
});

it.each([["text"], [new TypeError("no")]])("is a defect where it is none of ours: %s", (thrown) => {
  expect(sent(thrown)).toMatchObject({
    code: "ERR_INTERNAL",
    message: expect.stringContaining("fetch layer: a defect: "),
  });
});
