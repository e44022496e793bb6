import { describe, expect, it } from "vitest";
import { ErrFailedPrecondition, ErrInvalidArgument, ErrNotFound } from "../../src/errors.ts";
import type { ChooseEndpoints, Endpoint, EndpointsWanted } from "../../src/registry.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";

const keep = closingAfterEach();

async function started(): Promise<TestRegistry> {
  const registry = await TestRegistry.start();
  keep({ [Symbol.asyncDispose]: () => registry.close() });
  await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
  return registry;
}

async function opened(
  chooseEndpoints: ChooseEndpoints,
  mirrors: Readonly<Record<string, readonly string[]>> = {},
): Promise<Engine> {
  return keep(await openEngine({ registry: { chooseEndpoints, mirrors } }));
}

/** A registry as an endpoint that an embedder made. */
function endpointAt({ url, host }: TestRegistry): Endpoint {
  const capabilities = ["pull", "resolve", "push"] as const;
  return { baseUrl: `${url}/v2`, mirror: false, capabilities, credentialHost: host };
}

describe("registry.chooseEndpoints", () => {
  it("is told what is wanted and what the configuration says, and may leave some out", async () => {
    const [registry, mirror] = [await started(), await started()];
    const told: EndpointsWanted[] = [];
    const engine = await opened(
      (wanted) => {
        told.push(wanted);
        return wanted.endpoints.filter((endpoint) => !endpoint.mirror);
      },
      { [registry.host]: [mirror.url] },
    );
    const { endpoint } = await engine.pull(`${registry.host}/app:v1`);
    expect(endpoint).toBe(registry.url);
    expect(mirror.requests).toEqual([]);
    expect(told).toMatchObject([
      {
        purpose: "pull",
        reference: { domain: registry.host, path: "app", tag: "v1" },
        endpoints: [{ mirror: true, baseUrl: `${mirror.url}/v2` }, { mirror: false }],
      },
    ]);
  });

  it("may give others, for pulls, pushes and questions", async () => {
    const elsewhere = await started();
    const engine = await opened(async () => [endpointAt(elsewhere)]);
    const { endpoint, images } = await engine.pull("registry.example/app:v1");
    expect(endpoint).toBe(elsewhere.url);
    expect(images[0]?.name).toBe("registry.example/app:v1");
    await engine.push("registry.example/app:v1", { target: "registry.example/pushed:v2" });
    expect(elsewhere.tags("pushed")).toEqual(["v2"]);
    expect(await engine.tags("registry.example/pushed")).toEqual(["v2"]);
  });

  it("is asked anew for each call", async () => {
    const [one, two] = [await started(), await started()];
    const places = [one, two];
    const engine = await opened(() => places.splice(0, 1).map(endpointAt));
    for (const place of [one, two]) {
      expect((await engine.resolve("registry.example/app:v1")).endpoint).toBe(place.url);
    }
    expect(await failureOf(engine.resolve("registry.example/app:v1"))).toBeInstanceOf(ErrNotFound);
  });

  it("ends a call with what it throws, which is of the family", async () => {
    const engine = await opened(() => {
      throw new Error("no such tenant");
    });
    const failure = await failureOf(engine.pull("registry.example/app:v1"));
    expect(failure).toBeInstanceOf(ErrFailedPrecondition);
    expect(failure).toMatchObject({
      message: "choose endpoints of registry.example: no such tenant",
      cause: { message: "no such tenant" },
    });
    const own = await opened(() => Promise.reject(new ErrNotFound("no such tenant")));
    expect(await failureOf(own.pull("registry.example/app:v1"))).toBeInstanceOf(ErrNotFound);
  });

  const good = { baseUrl: "http://a/v2", mirror: false, capabilities: ["pull"], credentialHost: "a" };
  it.each<[string, unknown]>([
    ["got undefined, wanted an array", undefined],
    ["got a string at [0], wanted an object of options", ["http://a/v2"]],
    ["at [0].baseUrl", [{ ...good, baseUrl: "http://u:p@a/v2" }]],
    ["at [0].baseUrl", [{ ...good, baseUrl: "ftp://a/v2" }]],
    ["at [1].capabilities[0]", [good, { ...good, capabilities: ["read"] }]],
    ["at [0].credentialHost", [{ ...good, credentialHost: undefined }]],
    ["the unknown option", [{ ...good, url: "http://a" }]],
  ])("refuses what is no list of endpoints: %s", async (words, given) => {
    const engine = await opened(() => given as never);
    const failure = await failureOf(engine.pull("registry.example/app:v1"));
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(failure.message).toContain("choose endpoints of registry.example: got ");
    expect(failure.message).toContain(words);
    expect(failure.message).not.toContain("u:p");
  });
});
