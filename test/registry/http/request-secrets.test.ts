import { describe, expect, it } from "vitest";
import { requestSecrets } from "../../../src/registry/http/request-secrets.ts";

const of = (url: string, headers: Readonly<Record<string, string>> = {}): readonly string[] =>
  requestSecrets({ method: "GET", url, headers });

describe("requestSecrets()", () => {
  it.each([
    ["Bearer abc", ["abc"]],
    ["Basic dTpwdw==", ["dTpwdw==", "u:pw", "pw"]],
    ["abc", ["abc"]],
    ["", []],
  ])("knows those of the header %j", (authorization, expected) => {
    expect(of("https://registry.test/v2/", { authorization })).toEqual(expected);
  });

  it("takes the values of a signed address for secrets, and nothing that the API means", () => {
    const query = "X-Amz-Signature=deadbeef&n=1000&last=some-long-tag&digest=sha256:0123456789&x=1";
    expect(of(`https://cdn.test/x?${query}`)).toEqual(["deadbeef"]);
  });
});
