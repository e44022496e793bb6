import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { checkStoredDigest } from "../../../src/registry/answers/check-stored-digest.ts";
import { fakeResponse } from "../support/fake-send.ts";

const REQUEST = { method: "PUT", url: "https://registry.test/v2/a/blobs/uploads/1?state=secret" } as const;
const check = (stored: string | undefined): void =>
  checkStoredDigest(
    REQUEST,
    fakeResponse(REQUEST, { headers: { "docker-content-digest": stored } }),
    digestOf("given"),
  );

describe("checkStoredDigest()", () => {
  it.each([[undefined], [digestOf("given")], [digestOf("given", "sha512")], ["no digest"]])(
    "accepts %s",
    (stored) => {
      expect(() => check(stored)).not.toThrow();
    },
  );

  it("refuses the digest of something else, and keeps the address to itself", () => {
    const message = `PUT https://registry.test: stored ${digestOf("other")}, wanted ${digestOf("given")}`;
    expect(() => check(digestOf("other"))).toThrow(
      expect.objectContaining({ name: "ErrDataLoss", message, endpoint: "https://registry.test" }),
    );
  });
});
