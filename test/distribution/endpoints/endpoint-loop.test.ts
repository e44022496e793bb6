import { describe, expect, it } from "vitest";
import { type EndpointAttempt, tryEndpoints } from "../../../src/distribution/endpoints/endpoint-loop.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrInternal,
  ErrNoSupport,
  ErrNotFound,
  ErrNotImplemented,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnauthenticated,
  ErrUnavailable,
  findError,
} from "../../../src/errors.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";

const MIRROR = endpoint("https://mirror.example/v2", true);
const REGISTRY = endpoint("https://registry.example/v2", false);
const PLAIN = endpoint("http://registry.example/v2", false);

function endpoint(baseUrl: string, mirror: boolean): Endpoint {
  return { baseUrl, mirror, capabilities: ["pull", "resolve"], credentialHost: new URL(baseUrl).host };
}

function attempt(
  at: Endpoint,
  outcome: Error | string,
  asked: string[],
  answered = true,
): EndpointAttempt<string> {
  return {
    endpoint: at,
    answered: () => answered,
    async run() {
      asked.push(at.baseUrl);
      if (typeof outcome === "string") return outcome;
      throw outcome;
    },
  };
}

function run(...attempts: EndpointAttempt<string>[]): Promise<unknown> {
  return tryEndpoints(attempts, { familiar: "redis:7" }).catch((cause: unknown) => cause);
}

const from = { endpoint: "https://somewhere.example" };
const down = new ErrUnavailable("connect: refused", from);
const missing = new ErrNotFound("manifest unknown", from);
const noSupport = new ErrNoSupport("no v2 here", from);
const noSupportEither = new ErrNoSupport("nor here", from);

describe("tryEndpoints()", () => {
  const options = { familiar: "redis:7" };

  it.each<[string, Endpoint, Error, boolean]>([
    ["an endpoint that is down", REGISTRY, down, true],
    ["a mirror's 404", MIRROR, missing, true],
    ["a registry's 404", REGISTRY, missing, false],
    ["a mirror's 401", MIRROR, new ErrUnauthenticated("unauthorized", from), true],
    ["a registry's 401", REGISTRY, new ErrUnauthenticated("unauthorized", from), false],
    ["a mirror's 403", MIRROR, new ErrPermissionDenied("denied", from), true],
    ["a registry's 403", REGISTRY, new ErrPermissionDenied("denied", from), false],
    ["a registry's 429", REGISTRY, new ErrResourceExhausted("toomanyrequests", from), false],
    ["a server error", REGISTRY, new ErrInternal("500", from), true],
    ["wrong bytes", REGISTRY, new ErrDataLoss("wrong digest", from), true],
    ["no support", REGISTRY, noSupport, true],
    ["a full disk", MIRROR, new ErrResourceExhausted("no space left on device"), false],
    ['a mirror\'s "unsupported"', MIRROR, new ErrNotImplemented("unsupported", from), true],
    ['a registry\'s "unsupported"', REGISTRY, new ErrNotImplemented("unsupported", from), false],
    ["schema 1", MIRROR, new ErrNotImplemented("schema 1"), false],
    ["a defect", MIRROR, new TypeError("undefined is not a function"), false],
  ])("after %s: next endpoint %#", async (_name, first, error, falls) => {
    const asked: string[] = [];
    const attempts = [attempt(first, error, asked), attempt(REGISTRY, "pulled", asked)];
    const result = await tryEndpoints(attempts, options).catch((cause: unknown) => cause);
    expect(result).toBe(falls ? "pulled" : error);
    expect(asked).toHaveLength(falls ? 2 : 1);
  });

  it("throws the one error as it is", async () => {
    await expect(tryEndpoints([attempt(REGISTRY, down, [])], options)).rejects.toBe(down);
  });

  it("joins several errors line by line, with the class of the last one and all of them in `errors`", async () => {
    const attempts = [attempt(MIRROR, down, []), attempt(REGISTRY, missing, [])];
    const error = await tryEndpoints(attempts, options).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ErrNotFound);
    expect((error as Error).message).toBe("connect: refused\nmanifest unknown");
    expect(findError(error)?.errors).toEqual([down, missing]);
  });

  it("keeps ErrNoSupport while every error is one", async () => {
    const attempts = [attempt(MIRROR, noSupport, []), attempt(REGISTRY, noSupportEither, [])];
    const error = await tryEndpoints(attempts, options).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ErrNoSupport);
    expect((error as Error).message).toBe("no v2 here\nnor here");
  });

  it("keeps an ErrNoSupport that came before another error", async () => {
    const attempts = [noSupport, down].map((error) => attempt(MIRROR, error, []));
    const error = await tryEndpoints(attempts, options).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ErrUnavailable);
    expect((error as Error).message).toBe("no v2 here\nconnect: refused");
    expect(findError(error)?.errors).toEqual([noSupport, down]);
  });

  it("drops an ErrNoSupport that came after another error", async () => {
    const attempts = [down, noSupport].map((error) => attempt(MIRROR, error, []));
    await expect(tryEndpoints(attempts, options)).rejects.toBe(down);
  });

  it.each([
    ["says that there is nothing", missing],
    ["is no registry", noSupport],
  ])("shows only what the plain side of a host without TLS says when it %s", async (_, said) => {
    const noTls = new ErrUnavailable("TLS handshake failed", from);
    const attempts = [attempt(REGISTRY, noTls, [], false), attempt(PLAIN, said, [])];
    const error = await tryEndpoints(attempts, options).catch((cause: unknown) => cause);
    expect((error as Error).message).toBe(said.message);
    expect(error).toBeInstanceOf(said.constructor);
    expect(findError(error)?.errors).toEqual([noTls, said]);
  });

  it("shows both failures of a host that answered neither way", async () => {
    const attempts = [attempt(REGISTRY, down, [], false), attempt(PLAIN, down, [], false)];
    await expect(tryEndpoints(attempts, options)).rejects.toThrow("connect: refused\nconnect: refused");
  });

  it("says that there are no endpoints when there are none", async () => {
    await expect(tryEndpoints([], options)).rejects.toThrow("no endpoints found for redis:7");
  });

  it("skips plain HTTP once TLS answered for that host", async () => {
    const asked: string[] = [];
    const attempts = [
      attempt(REGISTRY, new ErrInternal("500", from), asked),
      attempt(PLAIN, "pulled", asked),
    ];
    await expect(tryEndpoints(attempts, options)).rejects.toThrow("500");
    expect(asked).toEqual([REGISTRY.baseUrl]);
  });

  it("tries plain HTTP when TLS never answered", async () => {
    const attempts = [attempt(REGISTRY, down, [], false), attempt(PLAIN, "pulled", [])];
    expect(await tryEndpoints(attempts, options)).toBe("pulled");
  });

  it("tries nothing after cancellation, whatever the endpoint said", async () => {
    const abort = new AbortController();
    const asked: string[] = [];
    const cancelled: EndpointAttempt<string> = {
      endpoint: MIRROR,
      answered: () => true,
      async run() {
        abort.abort();
        throw down;
      },
    };
    const result = tryEndpoints([cancelled, attempt(REGISTRY, "pulled", asked)], {
      ...options,
      signal: abort.signal,
    });
    await expect(result).rejects.toBeInstanceOf(ErrCanceled);
    expect(asked).toEqual([]);
  });

  it("tells about every failure, and which endpoint is passed over for another one", async () => {
    const told: unknown[] = [];
    const attempts = [
      attempt(MIRROR, down, []),
      attempt(REGISTRY, missing, []),
      attempt(PLAIN, "pulled", []),
    ];
    const result = tryEndpoints(attempts, {
      ...options,
      onFailure: ({ endpoint: at, error, passedOver }) => told.push([at.baseUrl, error, passedOver]),
    });
    await expect(result).rejects.toBeInstanceOf(ErrNotFound);
    expect(told).toEqual([
      [MIRROR.baseUrl, down, true],
      [REGISTRY.baseUrl, missing, false],
    ]);
  });

  it("passes the last endpoint over for nothing, nor one after which only its plain side would come", async () => {
    const told: boolean[] = [];
    const onFailure = ({ passedOver }: { passedOver: boolean }): number => told.push(passedOver);
    const broken = new ErrInternal("500", from);
    for (const attempts of [
      [attempt(REGISTRY, down, [])],
      [attempt(REGISTRY, broken, []), attempt(PLAIN, "pulled", [])],
    ]) {
      await tryEndpoints(attempts, { ...options, onFailure }).catch(() => {});
    }
    expect(told).toEqual([false, false]);
  });
});

describe("tryEndpoints() with version 1", () => {
  const V1: Endpoint = { ...endpoint("https://registry.example/v1", false), version: 1 };
  const PLAIN_V1: Endpoint = { ...endpoint("http://registry.example/v1", false), version: 1 };
  const byDigest = new ErrNoSupport("Cannot pull by digest with v1 registry", from);

  it.each<[string, Error, boolean]>([
    ["is no registry of version 2", noSupport, true],
    ["cannot be reached", down, true],
    ["has no such image", missing, true],
    ["knows nobody without credentials", new ErrUnauthenticated("unauthorized", from), true],
    ["is broken", new ErrInternal("500", from), true],
    ["denies access", new ErrPermissionDenied("denied", from), false],
    ["has too many requests", new ErrResourceExhausted("toomanyrequests", from), false],
    ["has an image of schema 1", new ErrNotImplemented("schema 1", from), false],
    ["has an image that is broken", new ErrDataLoss("wrong digest", from), false],
    ["is not to blame", new ErrResourceExhausted("no space left on device"), false],
  ])("asks it when the registry %s: %#", async (_, error, isAsked) => {
    const result = await run(attempt(REGISTRY, error, []), attempt(V1, "pulled", []));
    expect(result).toBe(isAsked ? "pulled" : error);
  });

  it("asks it whatever a mirror says, and no version 2 behind a registry's word", async () => {
    const asked: string[] = [];
    const denied = new ErrPermissionDenied("denied", from);
    await run(
      attempt(MIRROR, denied, asked),
      attempt(REGISTRY, missing, asked),
      attempt(endpoint("https://other.example/v2", false), "pulled", asked),
      attempt(V1, missing, asked),
      attempt(PLAIN_V1, "pulled", asked),
    );
    expect(asked).toEqual([MIRROR.baseUrl, REGISTRY.baseUrl, V1.baseUrl]);
  });

  it("shows the error of version 2 alone when version 1 cannot do it", async () => {
    expect(await run(attempt(REGISTRY, missing, []), attempt(V1, byDigest, []))).toBe(missing);
  });

  it("shows that version 2 is not spoken and what version 1 says, in that order", async () => {
    const error = await run(attempt(REGISTRY, noSupport, []), attempt(V1, missing, []));
    expect(error).toBeInstanceOf(ErrNotFound);
    expect((error as Error).message).toBe("no v2 here\nmanifest unknown");
    expect(findError(error)?.errors).toEqual([noSupport, missing]);
  });

  it("shows that it is not supported when there is nothing else", async () => {
    expect(await run(attempt(V1, byDigest, []))).toBe(byDigest);
    const error = await run(attempt(V1, byDigest, [], false), attempt(PLAIN_V1, noSupport, [], false));
    expect(error).toBeInstanceOf(ErrNoSupport);
    expect(findError(error)?.errors).toEqual([byDigest, noSupport]);
  });

  it("asks a host that speaks plain HTTP alone for nothing over TLS, once that is known", async () => {
    const asked: string[] = [];
    const noTls = new ErrUnavailable("TLS handshake failed", from);
    const error = await run(
      attempt(REGISTRY, noTls, asked, false),
      attempt(PLAIN, noSupport, asked),
      attempt(V1, "pulled", asked),
      attempt(PLAIN_V1, byDigest, asked, false),
    );
    expect(asked).toEqual([REGISTRY.baseUrl, PLAIN.baseUrl, PLAIN_V1.baseUrl]);
    expect((error as Error).message).toBe(`${noSupport.message}\n${byDigest.message}`);
    expect(findError(error)?.errors).toEqual([noTls, noSupport, byDigest]);
  });
});
