import { describe, expect, it } from "vitest";
import { ErrUnavailable } from "../../../src/errors/classes.ts";
import type { HttpRequest } from "../../../src/registry/http/send.ts";
import { MAX_REDIRECTS, withRedirect } from "../../../src/registry/http/with-redirect.ts";
import { type FakeResponse, fakeResponse, fakeSend } from "../support/fake-send.ts";

const REQUEST: HttpRequest = {
  method: "GET",
  url: "https://registry.test/v2/a/blobs/x",
  headers: {
    accept: "*/*",
    authorization: "Bearer secret",
    cookie: "a=b",
    range: "bytes=5-",
    "user-agent": "drayage",
    "x-host-header": "from hosts.toml",
    "x-registry-auth": "secret",
  },
  scopes: ["repository:a:pull"],
  tls: { ca: ["CA"], cert: "CERT", key: "KEY", skipVerify: true },
};

const STRANGER_HEADERS = { accept: "*/*", range: "bytes=5-", "user-agent": "drayage" };

/** Follows `locations`, one per request, then a 200. */
function following(locations: readonly string[], status = 307) {
  const responses: FakeResponse[] = [];
  const { send, requests } = fakeSend((request, index) => {
    const location = locations[index];
    const response = fakeResponse(request, location === undefined ? {} : { status, headers: { location } });
    responses.push(response);
    return response;
  });
  return { send: withRedirect(send), requests, responses };
}

const steps = (count: number): string[] => Array.from({ length: count }, (_, i) => `/${i}`);

describe("withRedirect()", () => {
  it.each([301, 302, 303, 307, 308])("follows %d and gives up the first body", async (status) => {
    const { send, requests, responses } = following(["https://cdn.test/x?sig=1"], status);
    const response = await send(REQUEST);
    expect(response).toMatchObject({ status: 200, url: "https://cdn.test/x?sig=1" });
    expect(requests.map(({ method }) => method)).toEqual(["GET", "GET"]);
    expect(responses.map(({ discarded }) => discarded())).toEqual([true, false]);
  });

  it.each([
    ["/other", "https://registry.test/other"],
    ["other?x=1", "https://registry.test/v2/a/blobs/other?x=1"],
    ["//cdn.test/x", "https://cdn.test/x"],
    ["https://REGISTRY.test:443/y", "https://registry.test/y"],
  ])("resolves Location %s", async (location, url) => {
    const { send, requests } = following([location]);
    await send(REQUEST);
    expect(requests[1]?.url).toBe(url);
  });

  it.each([
    ["the same origin", "/other", true],
    ["the same origin, written differently", "https://Registry.test:443/other", true],
    ["another host", "https://cdn.test/x", false],
    ["another port", "https://registry.test:444/x", false],
    ["a subdomain", "https://a.registry.test/x", false],
  ])("keeps secrets only for %s: %s", async (_, location, kept) => {
    const { send, requests } = following([location]);
    await send(REQUEST);
    const [, second] = requests;
    if (kept) {
      expect(second).toEqual({ ...REQUEST, url: second?.url });
    } else {
      expect(second?.headers).toEqual(STRANGER_HEADERS);
      expect(second?.scopes).toBeUndefined();
      expect(second?.tls).toEqual({ ca: ["CA"], skipVerify: true });
    }
  });

  it("does not give secrets back when the way leads back", async () => {
    const { send, requests } = following(["https://cdn.test/x", REQUEST.url]);
    await send(REQUEST);
    expect(requests[2]?.url).toBe(REQUEST.url);
    expect(requests[2]?.headers).toEqual(STRANGER_HEADERS);
    expect(requests[2]?.scopes).toBeUndefined();
  });

  it("keeps the signal", async () => {
    const { signal } = new AbortController();
    const { send, requests } = following(["https://cdn.test/x"]);
    await send({ ...REQUEST, signal });
    expect(requests[1]?.signal).toBe(signal);
  });

  it.each([
    ["https to http", "http://cdn.test/x", "redirect from https to http://cdn.test refused"],
    ["another scheme", "file:///etc/passwd", "redirect to a file: URL refused"],
  ])("refuses a redirect from %s", async (_, location, words) => {
    const { send, requests } = following([location]);
    await expect(send({ ...REQUEST, url: `${REQUEST.url}?sig=secret` })).rejects.toMatchObject({
      name: "ErrUnavailable",
      message: `GET https://registry.test/v2/a/blobs/x?sig=REDACTED: ${words}`,
      endpoint: "https://registry.test",
      retryable: false,
    });
    expect(requests).toHaveLength(1);
  });

  it("goes from http to https", async () => {
    const { send } = following(["https://cdn.test/x"]);
    expect(await send({ ...REQUEST, url: "http://registry.test/" })).toMatchObject({ status: 200 });
  });

  it("stops after the limit", async () => {
    expect(await following(steps(MAX_REDIRECTS)).send(REQUEST)).toMatchObject({ status: 200 });
    const { send, requests } = following(steps(MAX_REDIRECTS + 1));
    await expect(send(REQUEST)).rejects.toBeInstanceOf(ErrUnavailable);
    expect(requests).toHaveLength(MAX_REDIRECTS + 1);
  });

  describe.each(["POST", "PUT", "PATCH", "DELETE"] as const)("of %s", (method) => {
    const body = { lengthBytes: 0, async *open() {} };

    it.each([307, 308])("follows %d with method, headers and body", async (status) => {
      const { send, requests } = following(["/other"], status);
      expect(await send({ ...REQUEST, method, body })).toMatchObject({ status: 200 });
      expect(requests[1]).toEqual({ ...REQUEST, method, body, url: "https://registry.test/other" });
    });

    it("follows to another origin as a stranger, with the body", async () => {
      const { send, requests } = following(["https://uploads.test/x"]);
      await send({ ...REQUEST, method, body });
      expect(requests[1]).toMatchObject({ method, body, headers: STRANGER_HEADERS, stranger: true });
    });

    it.each([301, 302, 303])("gives a %d as it is, because it would mean GET", async (status) => {
      const { send, requests } = following(["/other"], status);
      expect(await send({ ...REQUEST, method })).toMatchObject({ status });
      expect(requests).toHaveLength(1);
    });
  });

  it.each([
    ["no Location", {}, 307],
    ["an unreadable Location", { location: "http://[" }, 307],
    ["a status that is no redirect", { location: "/x" }, 304],
  ])("gives an answer with %s as it is", async (_, headers, status) => {
    const { send } = fakeSend((request) => fakeResponse(request, { status, headers }));
    const response = await withRedirect(send)(REQUEST);
    expect(response.status).toBe(status);
    expect((response as FakeResponse).discarded()).toBe(false);
  });
});
