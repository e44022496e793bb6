import { describe, expect, it } from "vitest";
import { isInvalidArgument } from "../../../src/errors/predicates.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import { checkRegistryOptions, lookupEndpoints } from "../../../src/registry/endpoints/lookup-endpoints.ts";
import type { Purpose, RegistryOptions } from "../../../src/registry/endpoints/registry-options.ts";

/** An endpoint in one line: base URL, then the marks that differ from the default. */
function brief({ baseUrl, mirror, tls, credentialHost }: Endpoint): string {
  return [baseUrl, mirror && "mirror", tls?.skipVerify && "unverified", `as ${credentialHost}`]
    .filter(Boolean)
    .join(" ");
}

async function everyHost(): Promise<string[]> {
  return ["42.42.42.42"];
}

async function noHost(): Promise<never> {
  throw new Error("ENOTFOUND");
}

async function briefs(
  domain: string,
  options: RegistryOptions,
  purpose: Purpose = "pull",
): Promise<string[]> {
  return (
    await lookupEndpoints({ domain, path: "a/b" }, { resolveHost: everyHost, ...options }, purpose)
  ).map(brief);
}

const HUB = "https://registry-1.docker.io/v2 as docker.io";

describe("lookupEndpoints()", () => {
  it.each<[domain: string, options: RegistryOptions, endpoints: string[]]>([
    ["docker.io", {}, [HUB]],
    ["index.docker.io", {}, [HUB]],
    ["registry-1.docker.io", {}, ["https://registry-1.docker.io/v2 as registry-1.docker.io"]],
    ["quay.io", {}, ["https://quay.io/v2 as quay.io"]],
    ["example.com:5000", {}, ["https://example.com:5000/v2 as example.com:5000"]],
    ["example.com:443", {}, ["https://example.com:443/v2 as example.com:443"]],
    [
      "localhost:5000",
      {},
      [
        "https://localhost:5000/v2 unverified as localhost:5000",
        "http://localhost:5000/v2 as localhost:5000",
      ],
    ],
    ["127.0.0.1", {}, ["https://127.0.0.1/v2 unverified as 127.0.0.1", "http://127.0.0.1/v2 as 127.0.0.1"]],
    [
      "[::1]:5000",
      {},
      ["https://[::1]:5000/v2 unverified as [::1]:5000", "http://[::1]:5000/v2 as [::1]:5000"],
    ],
  ])("of %s with %j", async (domain, options, endpoints) => {
    expect(await briefs(domain, options)).toEqual(endpoints);
    expect(await briefs(domain, options, "push")).toEqual(endpoints);
  });

  it.each<[name: string, domain: string, options: RegistryOptions, endpoints: string[]]>([
    [
      "listed host",
      "a.example",
      { insecureRegistries: ["a.example"] },
      ["https://a.example/v2 unverified as a.example", "http://a.example/v2 as a.example"],
    ],
    [
      "other port",
      "a.example:5000",
      { insecureRegistries: ["a.example"] },
      ["https://a.example:5000/v2 as a.example:5000"],
    ],
    [
      "network",
      "a.example",
      { insecureRegistries: ["42.0.0.0/8"] },
      ["https://a.example/v2 unverified as a.example", "http://a.example/v2 as a.example"],
    ],
    [
      "Docker Hub is always secure",
      "docker.io",
      { insecureRegistries: ["docker.io", "index.docker.io", "0.0.0.0/0"], plainHttp: true },
      [HUB],
    ],
    ["plain HTTP everywhere", "a.example", { plainHttp: true }, ["http://a.example/v2 as a.example"]],
    [
      "plain HTTP on loopback",
      "localhost:5000",
      { plainHttp: true },
      ["http://localhost:5000/v2 as localhost:5000"],
    ],
    [
      "plain HTTP for the host",
      "a.example:80",
      { plainHttp: ["A.example:80"] },
      ["http://a.example:80/v2 as a.example:80"],
    ],
    [
      "plain HTTP for another",
      "a.example",
      { plainHttp: ["b.example"] },
      ["https://a.example/v2 as a.example"],
    ],
    ["plain HTTP off", "a.example", { plainHttp: false }, ["https://a.example/v2 as a.example"]],
    [
      "no certificate check",
      "a.example",
      { skipTlsVerify: true },
      ["https://a.example/v2 unverified as a.example"],
    ],
    [
      "no certificate check for Docker Hub",
      "docker.io",
      { skipTlsVerify: ["index.docker.io"] },
      ["https://registry-1.docker.io/v2 unverified as docker.io"],
    ],
  ])("honours options: %s", async (_name, domain, options, endpoints) => {
    expect(await briefs(domain, options)).toEqual(endpoints);
  });

  it("puts the mirrors of the registry first when pulling, in their order and once each", async () => {
    const mirrors = {
      "docker.io": ["https://b.example/", "https://a.example/hub", "https://b.example"],
      "quay.io": ["https://c.example"],
    };
    expect(await briefs("docker.io", { mirrors })).toEqual([
      "https://b.example/v2 mirror as b.example",
      "https://a.example/hub/v2 mirror as a.example",
      HUB,
    ]);
    expect(await briefs("quay.io", { mirrors })).toEqual([
      "https://c.example/v2 mirror as c.example",
      "https://quay.io/v2 as quay.io",
    ]);
    expect(await briefs("ghcr.io", { mirrors })).toEqual(["https://ghcr.io/v2 as ghcr.io"]);
  });

  it("leaves mirrors out when pushing", async () => {
    expect(await briefs("docker.io", { mirrors: { "docker.io": ["https://a.example"] } }, "push")).toEqual([
      HUB,
    ]);
  });

  it("takes the mirrors of index.docker.io for Docker Hub's", async () => {
    const mirrors = { "index.docker.io": ["https://a.example"], "docker.io": ["https://b.example"] };
    expect(await briefs("docker.io", { mirrors })).toEqual([
      "https://a.example/v2 mirror as a.example",
      "https://b.example/v2 mirror as b.example",
      HUB,
    ]);
  });

  it("keeps a mirror's scheme and judges its certificate by its own host", async () => {
    const mirrors = {
      "docker.io": [
        "https://localhost:5000",
        "http://localhost:5001",
        "https://a.example",
        "https://b.example",
      ],
    };
    expect(
      await briefs("docker.io", { mirrors, plainHttp: true, skipTlsVerify: ["b.example", "docker.io"] }),
    ).toEqual([
      "https://localhost:5000/v2 mirror unverified as localhost:5000",
      "http://localhost:5001/v2 mirror as localhost:5001",
      "https://a.example/v2 mirror as a.example",
      "https://b.example/v2 mirror unverified as b.example",
      "https://registry-1.docker.io/v2 unverified as docker.io",
    ]);
  });

  it("lets mirrors pull and resolve, and the registry everything", async () => {
    const endpoints = await lookupEndpoints(
      { domain: "quay.io", path: "a/b" },
      { mirrors: { "quay.io": ["https://a.example"] } },
      "pull",
    );
    expect(endpoints.map(({ capabilities }) => capabilities)).toEqual([
      ["pull", "resolve"],
      ["pull", "resolve", "push", "referrers"],
    ]);
  });

  it("treats a registry as secure when its name cannot be resolved", async () => {
    expect(await briefs("a.example", { insecureRegistries: ["42.0.0.0/8"], resolveHost: noHost })).toEqual([
      "https://a.example/v2 as a.example",
    ]);
  });

  it.each(["a/b", "user@host", "", "a.example:99999"])(
    "throws ErrInvalidArgument for the domain %j",
    async (domain) => {
      await expect(lookupEndpoints({ domain, path: "a/b" }, {}, "pull")).rejects.toSatisfy(isInvalidArgument);
    },
  );

  it("rejects with ErrCanceled when the signal fires", async () => {
    const controller = new AbortController();
    const options = { insecureRegistries: ["10.0.0.0/8"], resolveHost: () => new Promise<never>(() => {}) };
    const endpoints = lookupEndpoints({ domain: "a.example", path: "a/b" }, options, "pull", {
      signal: controller.signal,
    });
    controller.abort();
    await expect(endpoints).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });
});

describe("lookupEndpoints() with version 1", () => {
  it.each<[domain: string, options: RegistryOptions, endpoints: string[]]>([
    ["a.example", {}, ["https://a.example/v2"]],
    ["b.example", { v1Registries: ["a.example"] }, ["https://b.example/v2"]],
    ["a.example:5000", { v1Registries: ["a.example"] }, ["https://a.example:5000/v2"]],
    ["a.example", { v1Registries: ["A.example"] }, ["https://a.example/v2", "https://a.example/v1"]],
    [
      "a.example",
      { v1Registries: ["a.example"], plainHttp: true },
      ["http://a.example/v2", "http://a.example/v1"],
    ],
    [
      "a.example",
      { v1Registries: ["a.example"], mirrors: { "a.example": ["https://m.example"] } },
      ["https://m.example/v2", "https://a.example/v2", "https://a.example/v1"],
    ],
    [
      "127.0.0.1",
      { v1Registries: ["127.0.0.1"] },
      ["https://127.0.0.1/v2", "http://127.0.0.1/v2", "https://127.0.0.1/v1", "http://127.0.0.1/v1"],
    ],
  ])("asks %s behind version 2, where it is configured: %j", async (domain, options, wanted) => {
    for (const purpose of ["pull", "push"] as const) {
      const found = await lookupEndpoints(
        { domain, path: "a/b" },
        { resolveHost: everyHost, ...options },
        purpose,
      );
      const urls = purpose === "pull" ? wanted : wanted.filter((url) => !url.includes("m.example"));
      expect(found.map(({ baseUrl }) => baseUrl)).toEqual(urls);
      expect(found.map(({ version = 2 }) => version)).toEqual(urls.map((url) => Number(url.at(-1))));
    }
  });

  it("has the credentials and the TLS of the registry", async () => {
    const options = { v1Registries: ["a.example"], skipTlsVerify: true };
    const [, v1] = await lookupEndpoints({ domain: "a.example", path: "a/b" }, options, "pull");
    expect(v1).toMatchObject({ credentialHost: "a.example", mirror: false, tls: { skipVerify: true } });
  });

  it.each(["docker.io", "index.docker.io", "not a host"])("cannot be configured for %s", (host) => {
    expect(() => checkRegistryOptions({ v1Registries: ["a.example", host] })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
    );
  });
});

describe("checkRegistryOptions()", () => {
  it("accepts options that lookupEndpoints accepts", () => {
    const mirrors = { "docker.io": ["https://a.example"] };
    expect(() => checkRegistryOptions({})).not.toThrow();
    expect(() =>
      checkRegistryOptions({ mirrors, insecureRegistries: ["a:1"], plainHttp: ["b:1"] }),
    ).not.toThrow();
  });

  it.each<RegistryOptions>([
    { mirrors: { "docker.io": ["a.example"] } },
    { mirrors: { "https://quay.io": ["https://a.example"] } },
    { insecureRegistries: ["svn://a"] },
    { plainHttp: ["http://a.example"] },
    { skipTlsVerify: ["a.example:x"] },
  ])("throws ErrInvalidArgument for %j", (options) => {
    expect(() => checkRegistryOptions(options)).toThrow(expect.toSatisfy(isInvalidArgument));
  });
});
