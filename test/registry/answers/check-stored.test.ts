import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { checkStored } from "../../../src/registry/answers/check-stored.ts";
import { fakeResponse } from "../support/fake-send.ts";

const REQUEST = { method: "PUT", url: "https://registry.test/v2/a/blobs/uploads/1?state=secret" } as const;
const PAGE = { "content-type": "text/html; charset=utf-8" };

function check(headers: Record<string, string | undefined>, status = 201): void {
  checkStored(REQUEST, fakeResponse(REQUEST, { status, headers }), digestOf("given"));
}

describe("checkStored()", () => {
  it.each([[undefined], [digestOf("given")], [digestOf("given", "sha512")], ["no digest"]])(
    "accepts the digest %s",
    (stored) => {
      expect(() => check({ "docker-content-digest": stored })).not.toThrow();
    },
  );

  it("refuses the digest of something else, and keeps the address to itself", () => {
    const message = `PUT https://registry.test: stored ${digestOf("other")}, wanted ${digestOf("given")}`;
    expect(() => check({ "docker-content-digest": digestOf("other") })).toThrow(
      expect.objectContaining({ name: "ErrDataLoss", message, endpoint: "https://registry.test" }),
    );
  });

  it("refuses the page of a portal", () => {
    const message = "PUT https://registry.test: got 200 with a web page, wanted 201";
    expect(() => check(PAGE, 200)).toThrow(
      expect.objectContaining({ name: "ErrUnknown", message, endpoint: "https://registry.test" }),
    );
  });

  it.each([
    ["is 201", {}, 201],
    ["names the digest", { "docker-content-digest": digestOf("given") }, 200],
    ["names the address", { location: "/v2/a/blobs/x" }, 202],
  ])("accepts an answer called HTML that %s", (_, more, status) => {
    expect(() => check({ ...PAGE, ...more }, status)).not.toThrow();
  });
});
