import { describe, expect, it } from "vitest";
import { LISTING_TIMEOUT_MS, MAX_LISTING_BYTES, PageTrail } from "../../../src/registry/http/next-page.ts";
import type { HttpRequest } from "../../../src/registry/http/send.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { fakeResponse } from "../support/fake-send.ts";

const REQUEST = {
  method: "GET",
  url: "https://registry.test/v2/a/tags/list?n=2",
  headers: { accept: "application/json" },
} as const;

function pageAfter(link: string | undefined, url: string = REQUEST.url) {
  const request = { ...REQUEST, url };
  return new PageTrail("list tags").next(request, fakeResponse(request, { headers: { link } }));
}

const urlOf = (name: string): string => `https://registry.test/v2/a/tags/list?last=${name}`;

describe("PageTrail.next()", () => {
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

  it.each([
    ["a page to itself", { a: "a" }],
    ["the last page to the first", { a: "b", b: "c", c: "a" }],
    ["the last page to one in the middle", { a: "b", b: "c", c: "d", d: "e", e: "f", f: "d" }],
  ] as ReadonlyArray<readonly [string, Readonly<Record<string, string>>]>)(
    "refuses links that lead in a circle, from %s",
    (_, links) => {
      const trail = new PageTrail("list tags");
      const follow = (): void => {
        let name = "a";
        for (let page = 0; page < 4 * Object.keys(links).length; page++) {
          const request = { ...REQUEST, url: urlOf(name) };
          name = links[name] ?? "a";
          const headers = { link: `<${urlOf(name)}>; rel="next"` };
          expect(trail.next(request, fakeResponse(request, { headers }))?.url).toBe(urlOf(name));
        }
      };
      expect(follow).toThrow(
        "list tags https://registry.test/v2/a/tags/list: the next page is one that was read already",
      );
    },
  );

  it("asks as a stranger for a page that another origin named", () => {
    const response = fakeResponse(
      { url: "https://cdn.test/x" },
      { headers: { link: '<?last=b>; rel="next"' } },
    );
    const next = new PageTrail("list tags").next(REQUEST, response);
    expect(next).toMatchObject({ url: "https://registry.test/v2/a/tags/list?last=b", stranger: true });
  });

  it("follows many different pages", () => {
    const trail = new PageTrail("list tags");
    let request: HttpRequest | undefined = REQUEST;
    for (let page = 0; page < 1_000 && request; page++) {
      const link = `<?last=${page}>; rel="next"`;
      request = trail.next(request, fakeResponse(request, { headers: { link } }));
    }
    expect(request?.url).toBe("https://registry.test/v2/a/tags/list?last=999");
  });
});

describe("a listing as a whole", () => {
  const link = '</v2/a/tags/list?last=b>; rel="next"';
  const answer = () => fakeResponse(REQUEST, { headers: { link } });

  it("has a time", () => {
    const clock = new FakeClock();
    const trail = new PageTrail("list tags", clock);
    clock.advance(LISTING_TIMEOUT_MS + 1);
    expect(() => trail.next(REQUEST, answer())).toThrow(
      expect.objectContaining({
        name: "ErrUnavailable",
        endpoint: "https://registry.test",
        retryable: false,
      }),
    );
  });

  it("has a size", async () => {
    const trail = new PageTrail("list tags");
    const limits: number[] = [];
    const page = 16 * 1024 * 1024;
    const body = { ...answer().body, bytes: async (max: number) => new Uint8Array(limits.push(max) && page) };
    for (let pages = 1; pages <= 5; pages++) await trail.read({ ...answer(), body }, page);
    expect(limits).toEqual([page, page, page, page, MAX_LISTING_BYTES - 4 * page]);
  });
});
