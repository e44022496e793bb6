import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import {
  type RegistryClientOptions,
  RepositorySession,
} from "../../../src/registry/repository/repository-session.ts";
import { HastyClock } from "../support/fake-clock.ts";
import { fakeResponse, fakeSend } from "../support/fake-send.ts";

const ENDPOINT: Endpoint = {
  baseUrl: "https://registry.test/v2",
  mirror: false,
  capabilities: ["pull"],
  credentialHost: "registry.test",
};

function session(
  options: Partial<RegistryClientOptions> & { baseUrl?: string; statuses?: readonly number[] } = {},
) {
  const { baseUrl = ENDPOINT.baseUrl, statuses = [], ...more } = options;
  const clock = new HastyClock();
  const { send, requests } = fakeSend((request, index) =>
    fakeResponse(request, { status: statuses[index] ?? 200, headers: { "retry-after": "2" } }),
  );
  const repository = "library/redis";
  const made = new RepositorySession({
    endpoint: { ...ENDPOINT, baseUrl },
    repository,
    send,
    clock,
    ...more,
  });
  return { session: made, requests, clock };
}

describe("RepositorySession.request()", () => {
  it("asks for a token for the whole name where the endpoint's address holds the beginning of it", () => {
    const { session: made } = session({ baseUrl: "https://registry.test/v2/hub" });
    expect(made.request({ method: "GET", path: "tags/list" })).toMatchObject({
      url: "https://registry.test/v2/hub/library/redis/tags/list",
      scopes: ["repository:hub/library/redis:pull"],
    });
    expect(made.nameOf("library/base")).toBe("hub/library/base");
  });

  it("asks below the repository, with the scope to pull", () => {
    const { signal } = new AbortController();
    const tls = { skipVerify: true };
    const { session: made } = session({ endpoint: { ...ENDPOINT, tls } });
    const request = made.request({ method: "GET", path: "tags/list?n=1", headers: { accept: "a" }, signal });
    expect(request).toEqual({
      method: "GET",
      url: "https://registry.test/v2/library/redis/tags/list?n=1",
      headers: { accept: "a", "user-agent": expect.stringMatching(/^drayage\/\d/) },
      scopes: ["repository:library/redis:pull"],
      tls,
      signal,
    });
  });

  it("sends the headers of the endpoint and of the caller, by lower-case names", () => {
    const endpoint = { ...ENDPOINT, headers: { "X-Host": "1", "User-Agent": "theirs" } };
    const { session: made } = session({ endpoint, metaHeaders: { "X-Meta-A": "2" } });
    const { headers } = made.request({ method: "GET", path: "x", headers: { accept: "a" } });
    expect(headers).toEqual({ accept: "a", "user-agent": "theirs", "x-host": "1", "x-meta-a": "2" });
  });

  it("names the registry that the endpoint stands for, and the path that it has there", () => {
    const endpoint = { ...ENDPOINT, namespace: "docker.io", repository: "hub/redis" };
    const { session: made } = session({ endpoint });
    const { url, scopes } = made.request({ method: "GET", path: "tags/list?n=1" });
    expect(url).toBe("https://registry.test/v2/hub/redis/tags/list?n=1&ns=docker.io");
    expect(scopes).toEqual(["repository:hub/redis:pull"]);
    expect(made.rootRequest({ method: "GET" }).url).toBe("https://registry.test/v2/?ns=docker.io");
  });

  it("has the patience of the endpoint for connecting, at that endpoint alone", () => {
    const { session: made } = session({ endpoint: { ...ENDPOINT, connectTimeoutMs: 200 } });
    expect(made.request({ method: "GET", path: "x" }).connectTimeoutMs).toBe(200);
    const elsewhere = made.requestTo("https://cdn.test/x", { method: "GET" });
    expect(elsewhere.connectTimeoutMs).toBeUndefined();
  });
});

describe("RepositorySession.rootRequest()", () => {
  it("asks for no scope", () => {
    const request = session().session.rootRequest({ method: "GET" });
    expect(request.url).toBe("https://registry.test/v2/");
    expect(request.scopes).toBeUndefined();
  });
});

describe("RepositorySession.send()", () => {
  it.each([
    [200, true],
    [206, true],
    [416, true],
    [304, false],
    [404, false],
    [500, false],
  ])("takes status %d, with 416 expected, for a success: %s", async (status, success) => {
    const { session: made, requests } = session({ statuses: [status] });
    const sent = made.send(made.request({ method: "GET", path: "x" }), [416]);
    if (success) expect((await sent).status).toBe(status);
    else await expect(sent).rejects.toMatchObject({ httpStatus: status });
    expect(requests).toHaveLength(1);
  });
});

describe("RepositorySession.document()", () => {
  it("gives what is read from the answer", async () => {
    const { session: made } = session();
    const status = await made.document(
      made.request({ method: "GET", path: "x" }),
      async (answer) => answer.status,
    );
    expect(status).toBe(200);
  });

  it.each([400, 404, 429, 503])("throws after one attempt that ends in %d", async (status) => {
    const { session: made, requests } = session({ statuses: [status] });
    const read = made.document(made.request({ method: "GET", path: "x" }), async () => "never");
    await expect(read).rejects.toMatchObject({ httpStatus: status });
    expect(requests).toHaveLength(1);
  });
});
