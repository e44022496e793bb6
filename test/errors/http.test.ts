import { describe, expect, it } from "vitest";
import { ErrNotFound, ErrUnknown } from "../../src/errors/classes.ts";
import { fromHttpStatus, toHttpStatus } from "../../src/errors/http.ts";
import { CLASSES } from "./error-classes.ts";

describe("toHttpStatus()", () => {
  it.each(CLASSES)("answers $http for $name", ({ make, http }) => {
    expect(toHttpStatus(new make("x"))).toBe(http);
    expect(toHttpStatus(new Error("wrapped", { cause: new make("x") }))).toBe(http);
  });

  it.each([undefined, "x", new Error("x")])("answers 500 for %s", (value) => {
    expect(toHttpStatus(value)).toBe(500);
  });
});

describe("fromHttpStatus()", () => {
  it.each([
    [400, "ErrInvalidArgument"],
    [401, "ErrUnauthenticated"],
    [403, "ErrPermissionDenied"],
    [404, "ErrNotFound"],
    [408, "ErrUnavailable"],
    [412, "ErrFailedPrecondition"],
    [429, "ErrResourceExhausted"],
    [500, "ErrInternal"],
    [501, "ErrNotImplemented"],
    [502, "ErrUnavailable"],
    [503, "ErrUnavailable"],
    [504, "ErrUnavailable"],
  ])("makes %s an %s", (status, name) => {
    const error = fromHttpStatus(status, "get blob: failed");
    expect(error).toMatchObject({ name, httpStatus: status, message: "get blob: failed" });
  });

  it.each([0, 200, 302, 405, 418, 599, 999])("makes %s an ErrUnknown that tells the status", (status) => {
    const error = fromHttpStatus(status, "get blob: failed");
    expect(error).toBeInstanceOf(ErrUnknown);
    expect(error.httpStatus).toBe(status);
  });

  it("keeps the details, but the status is the answer's", () => {
    const cause = new Error("body");
    const error = fromHttpStatus(404, "x", { cause, registryCode: "BLOB_UNKNOWN", httpStatus: 500 });
    expect(error).toBeInstanceOf(ErrNotFound);
    expect(error).toMatchObject({ cause, registryCode: "BLOB_UNKNOWN", httpStatus: 404 });
  });
});
