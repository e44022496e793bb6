import { describe, expect, it } from "vitest";
import { nextPage } from "../../../src/registry/http/next-page.ts";
import { fakeResponse } from "../support/fake-send.ts";

const REQUEST = {
  method: "GET",
  url: "https://registry.test/v2/a/tags/list?n=2",
  headers: { accept: "application/json" },
} as const;

function pageAfter(link: string | undefined, url: string = REQUEST.url) {
  const request = { ...REQUEST, url };
  return nextPage(request, fakeResponse(request, { headers: { link } }), "list tags");
}

describe("nextPage()", () => {
  it("is undefined without a link", () => {
    expect(pageAfter(undefined)).toBeUndefined();
  });

  it.each([
    ["</v2/a/tags/list?n=2&last=b>", "https://registry.test/v2/a/tags/list?n=2&last=b"],
    ["<?last=b>", "https://registry.test/v2/a/tags/list?last=b"],
    ["<https://registry.test/other>", "https://registry.test/other"],
  ])("repeats the request at %s", (target, url) => {
    expect(pageAfter(`${target}; rel="next"`)).toEqual({ ...REQUEST, url });
  });

  it("adds the namespace that the link forgot", () => {
    const page = pageAfter(`</v2/a/tags/list?last=b>; rel="next"`, `${REQUEST.url}&ns=docker.io`);
    expect(page?.url).toBe("https://registry.test/v2/a/tags/list?last=b&ns=docker.io");
  });

  it.each([["https://elsewhere.test/x"], ["http://registry.test/x"], ["//elsewhere.test/x"]])(
    "refuses to go to %s",
    (target) => {
      expect(() => pageAfter(`<${target}>; rel="next"`)).toThrow(
        expect.objectContaining({
          name: "ErrUnknown",
          message: expect.stringMatching(
            /^list tags https:\/\/registry\.test\/v2\/a\/tags\/list: next page is at /,
          ),
          retryable: false,
        }),
      );
    },
  );
});
