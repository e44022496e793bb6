import { describe, expect, it } from "vitest";
import { refusal, statusHeaders, timeoutMs } from "../../../../src/content/grpc/server/call-headers.ts";

describe("refusal()", () => {
  it.each([
    ["POST", "application/grpc", undefined],
    ["POST", "application/grpc+proto", undefined],
    ["POST", "application/grpc;charset=utf-8", undefined],
    ["POST", "application/grpc-web", 415],
    ["POST", "application/json", 415],
    ["POST", undefined, 415],
    ["GET", "application/grpc", 405],
  ])("%s with %s: %s", (method, type, status) => {
    expect(refusal({ ":method": method, "content-type": type })).toBe(status);
  });
});

describe("timeoutMs()", () => {
  it.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["4m", 4],
    ["1500u", 2],
    ["1n", 1],
    ["0S", 0],
    ["99999999H", 2 ** 31 - 1],
    ["", undefined],
    ["1", undefined],
    ["1s", undefined],
    ["-1S", undefined],
    ["123456789S", undefined],
  ])("%j is %s", (value, ms) => {
    expect(timeoutMs({ "grpc-timeout": value })).toBe(ms);
  });

  it("is not there without the header", () => {
    expect(timeoutMs({})).toBeUndefined();
  });
});

describe("statusHeaders()", () => {
  it("has no message when there is none", () => {
    expect(statusHeaders({ code: 0, details: "" })).toEqual({ "grpc-status": "0" });
  });

  it("encodes what a header cannot hold, and the escape itself", () => {
    expect(statusHeaders({ code: 5, details: 'no "ä" in\n100%~' })).toEqual({
      "grpc-status": "5",
      "grpc-message": 'no "%C3%A4" in%0A100%25~',
    });
  });
});
