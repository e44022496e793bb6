import { afterEach, describe, expect, it, vi } from "vitest";
import { ErrNotFound, ErrUnavailable } from "../../src/errors/classes.ts";
import { DrayageError, isDrayageError } from "../../src/errors/drayage-error.ts";

afterEach(() => vi.resetModules());

/** A second copy of the package, as an application gets it from two dependencies. */
async function anotherCopy(): Promise<typeof import("../../src/errors.ts")> {
  vi.resetModules();
  return import("../../src/errors.ts");
}

describe("DrayageError", () => {
  it("keeps every detail as an own, visible, fixed property", () => {
    const details = {
      endpoint: "https://registry.example/v2/",
      digest: "sha256:0",
      reference: "docker.io/library/redis:7",
      attempt: 2,
      httpStatus: 404,
      registryCode: "MANIFEST_UNKNOWN",
      retryable: false,
      retryAfterMs: 1_000,
      errors: [new Error("first")],
    };
    const error = new ErrNotFound("get manifest: not found", details);
    expect(error).toMatchObject(details);
    expect(Object.keys(error)).toEqual(expect.arrayContaining(Object.keys(details)));
    expect(() => Object.assign(error, { attempt: 3 })).toThrow(TypeError);
  });

  it("has no property for a detail that is not given", () => {
    const error = new ErrNotFound("x", { attempt: undefined, digest: "sha256:0" });
    expect(Object.hasOwn(error, "attempt")).toBe(false);
    expect(Object.hasOwn(error, "endpoint")).toBe(false);
    expect(Object.hasOwn(error, "cause")).toBe(false);
  });

  it("keeps the cause as the standard one", () => {
    const cause = new Error("socket closed");
    const error = new ErrUnavailable("get blob: connection lost", { cause });
    expect(error.cause).toBe(cause);
    expect(Object.keys(error)).not.toContain("cause");
  });
});

describe("isDrayageError()", () => {
  it.each([undefined, null, "x", 7, {}, new Error("x"), { code: "ERR_NOT_FOUND" }])(
    "says no to %s",
    (value) => {
      expect(isDrayageError(value)).toBe(false);
      expect(value).not.toBeInstanceOf(DrayageError);
      expect(value).not.toBeInstanceOf(ErrNotFound);
    },
  );

  it("knows the errors of another copy of the package", async () => {
    const other = await anotherCopy();
    expect(isDrayageError(new other.ErrNotFound("x"))).toBe(true);
    expect(other.isDrayageError(new ErrNotFound("x"))).toBe(true);
  });
});

describe("instanceof", () => {
  it("compares classes of two copies of the package by name", async () => {
    const other = await anotherCopy();
    const error = new other.ErrNotFound("x");
    expect(other.ErrNotFound).not.toBe(ErrNotFound);
    expect(error instanceof ErrNotFound).toBe(true);
    expect(error instanceof DrayageError).toBe(true);
    expect(error instanceof ErrUnavailable).toBe(false);
    expect(new ErrNotFound("x") instanceof other.ErrNotFound).toBe(true);
  });

  it("lets predicates see through to another copy", async () => {
    const other = await anotherCopy();
    expect(other.isNotFound(new Error("wrapped", { cause: new ErrNotFound("x") }))).toBe(true);
  });
});
