import { describe, expect, it } from "vitest";
import { endpointSend } from "../../src/registry/endpoint-send.ts";
import { fakeResponse, fakeSend } from "./support/fake-send.ts";

const ENDPOINT = {
  baseUrl: "https://registry.test/v2",
  mirror: false,
  capabilities: ["pull" as const],
  credentialHost: "registry.test",
};

const credentials = async () => ({ username: "user", password: "secret" });

describe("endpointSend()", () => {
  it("authorizes the endpoint, again for each request, and never what it redirects to", async () => {
    const { send: below, requests } = fakeSend((request) => {
      const { host } = new URL(request.url);
      if (host === "cdn.test") return fakeResponse(request);
      const { authorization } = request.headers ?? {};
      if (authorization === undefined) {
        return fakeResponse(request, { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });
      }
      return fakeResponse(request, { status: 307, headers: { location: "https://cdn.test/x" } });
    });
    const send = endpointSend({ endpoint: ENDPOINT, credentials, send: below });
    const request = { method: "GET" as const, url: "https://registry.test/v2/a/blobs/x" };
    for (let i = 0; i < 2; i++) expect((await send(request)).url).toBe("https://cdn.test/x");
    const sent = requests.map(({ url, headers: { authorization } = {} }) => [
      new URL(url).host,
      authorization?.split(" ")[0],
    ]);
    expect(sent).toEqual([
      ["registry.test", undefined],
      ["registry.test", "Basic"],
      ["cdn.test", undefined],
      ["registry.test", "Basic"],
      ["cdn.test", undefined],
    ]);
  });

  it("shows no credentials where a redirect leads back to the endpoint, chosen by the other side", async () => {
    const { send: below, requests } = fakeSend((request) => {
      const { host, pathname } = new URL(request.url);
      if (host === "cdn.test") {
        return fakeResponse(request, { status: 307, headers: { location: "https://registry.test/v2/b/x" } });
      }
      if (pathname === "/v2/b/x") return fakeResponse(request, { status: 401 });
      if (request.headers?.["authorization"] === undefined) {
        return fakeResponse(request, { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });
      }
      return fakeResponse(request, { status: 307, headers: { location: "https://cdn.test/x" } });
    });
    const send = endpointSend({ endpoint: ENDPOINT, credentials, send: below });
    const { status } = await send({ method: "GET", url: "https://registry.test/v2/a/blobs/x" });
    expect(status).toBe(401);
    const last = requests.at(-1);
    expect(last?.url).toBe("https://registry.test/v2/b/x");
    expect(last?.headers?.["authorization"]).toBeUndefined();
  });
});
