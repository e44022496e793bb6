import { describe, expect, it } from "vitest";
import { type RateLimit, rateLimitOf } from "../../../src/registry/http/rate-limit.ts";
import { fakeResponse } from "../support/fake-send.ts";

const URL_OF_IT = "https://hub.test/v2/library/redis/manifests/7?x=1";
const endpoint = "https://hub.test";

function limitOf(headers: Record<string, string>): RateLimit | undefined {
  return rateLimitOf(fakeResponse({ url: URL_OF_IT }, { headers }));
}

describe("rateLimitOf()", () => {
  it.each<[limit: string, remaining: string, source: string | undefined, wanted: object | undefined]>([
    [
      "100;w=21600",
      "20;w=21600",
      "192.0.2.1",
      { limit: 100, remaining: 20, windowMs: 21_600_000, source: "192.0.2.1" },
    ],
    ["100", "20", undefined, { limit: 100, remaining: 20 }],
    [" 100 ; W = 60 ", "0", undefined, { limit: 100, remaining: 0, windowMs: 60_000 }],
    ["100", "20;w=60", undefined, { limit: 100, remaining: 20, windowMs: 60_000 }],
    ["100", "20", "a\u0000b\u001b[31m", { limit: 100, remaining: 20, source: "a b [31m" }],
    ["100", "20", "x".repeat(100), { limit: 100, remaining: 20, source: `${"x".repeat(64)}...` }],
    ["many", "20", undefined, undefined],
    ["100", "-1", undefined, undefined],
    ["100", "", undefined, undefined],
    ["1e9", "20", undefined, undefined],
    ["99999999999", "20", undefined, undefined],
    ["100, 100;w=60", "20", undefined, undefined],
  ])("reads %j and %j of %j", (limit, remaining, source, wanted) => {
    const headers = { "ratelimit-limit": limit, "ratelimit-remaining": remaining };
    const got = limitOf(source === undefined ? headers : { ...headers, "docker-ratelimit-source": source });
    expect(got).toEqual(wanted && { endpoint, ...wanted });
  });

  it("wants both numbers", () => {
    expect(limitOf({})).toBeUndefined();
    expect(limitOf({ "ratelimit-remaining": "3" })).toBeUndefined();
  });
});
