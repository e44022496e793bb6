import { describe, expect, it } from "vitest";
import { refusal } from "../../../../src/content/grpc/server/call-headers.ts";

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
