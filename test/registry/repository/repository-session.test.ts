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
  const repository = { domain: "registry.test", path: "library/redis" };
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

  it.each([
    ["https://registry.test/v2", "registry.test", null],
    ["https://registry.test/v2", "registry.test:443", null],
    ["http://127.0.0.1:5000/v2", "127.0.0.1:5000", null],
    ["https://registry-1.docker.io/v2", "docker.io", null],
    ["https://docker.io/v2", "docker.io", null],
    ["https://mirror.test/v2", "docker.io", "docker.io"],
    ["https://mirror.test/quay/v2", "quay.io", "quay.io"],
    ["https://registry.test:5000/v2", "registry.test", "registry.test"],
    ["https://registry-1.docker.io/v2", "quay.io", "quay.io"],
  ])("tells %s, asked for %s, the namespace %s", (baseUrl, domain, namespace) => {
    const { session: made } = session({ baseUrl, repository: { domain, path: "a" } });
    for (const path of ["tags/list?n=1", "blobs/x"]) {
      const { url } = made.request({ method: "GET", path });
      expect(new URL(url).searchParams.get("ns")).toBe(namespace);
    }
  });
});

describe("RepositorySession.endpointRequest()", () => {
  it("asks for no scope", () => {
    const request = session().session.endpointRequest({ method: "GET", path: "" });
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
