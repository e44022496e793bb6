import { describe, expect, it } from "vitest";
import { statusHeaders, statusOf } from "../../../../src/content/grpc/wire/status-headers.ts";

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

describe("statusOf()", () => {
  it.each([
    [{}, undefined],
    [{ "grpc-status": "0" }, { code: 0, details: "" }],
    [
      { "grpc-status": "5", "grpc-message": "no %C3%A4 100%25" },
      { code: 5, details: "no ä 100%" },
    ],
    [
      { "grpc-status": "5", "grpc-message": "100% of %zz, %C3(" },
      { code: 5, details: "100% of %zz, \ufffd(" },
    ],
    [{ "grpc-status": "many" }, { code: 2, details: "" }],
    [{ "grpc-status": "" }, { code: 2, details: "" }],
  ])("reads %j", (headers, status) => {
    expect(statusOf(headers)).toEqual(status);
  });

  it("reads what statusHeaders writes", () => {
    for (const details of ["", "plain", "ä\n\0%~", "🚢 100%"]) {
      const headers = statusHeaders({ code: 7, details }) as Record<string, string>;
      expect(statusOf(headers)).toEqual({ code: 7, details });
    }
  });
});
