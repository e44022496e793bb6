import { beforeEach, describe, expect, it } from "vitest";
import {
  type DrayageError,
  ErrCanceled,
  ErrDataLoss,
  ErrDeadlineExceeded,
  ErrInternal,
  ErrInvalidArgument,
  ErrNoSupport,
  ErrNotFound,
  ErrNotImplemented,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnauthenticated,
  ErrUnavailable,
} from "../../src/errors.ts";
import { type BuiltImage, buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { inIdleTime } from "../async/idle-time.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { OCI, putIndex, putManifest } from "./support/documents.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";
import { asked, gets } from "./support/requests.ts";
import { closedPort, type Stranger, tappedServer, webServer } from "./support/servers.ts";

const REPOSITORY = "team/app";
const SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const ALWAYS = Number.POSITIVE_INFINITY;

/** The registry that a reference names, and a mirror in front of it. Both have the image. */
let registry: TestRegistry;
let mirror: TestRegistry;
let image: BuiltImage;
let name: string;

const keep = closingAfterEach();

beforeEach(async () => {
  registry = await TestRegistry.start();
  mirror = await TestRegistry.start();
  for (const place of [registry, mirror]) {
    image = await buildImage(place, REPOSITORY, { tag: "v1", layers: [400_000, 5_000] });
  }
  name = `${registry.host}/${REPOSITORY}:v1`;
  for (const each of [registry, mirror]) keep(each);
});

async function engineWith(mirrors: readonly string[], logger = memoryLogger()): Promise<Engine> {
  const options = { mirrors: { [registry.host]: mirrors } };
  return keep(await openEngine({ registry: options, logger }));
}

type ErrorClass = new (message: string) => DrayageError;

/** Readies the mirror; gives the URL to use if it is another one. */
type Arrange = () => unknown;

const document = { kind: "manifest", times: ALWAYS } as const;
const denied = { status: 403, body: { errors: [{ code: "DENIED", message: "not for you" }] } };

describe("pull() with a mirror first", () => {
  it("asks nobody else when the mirror has everything", async () => {
    const engine = await engineWith([mirror.url]);
    const result = await engine.pull(name);
    expect(result).toMatchObject({ endpoint: mirror.url, images: [{ name }] });
    expect(registry.requests).toEqual([]);
    expect(mirror.requests.map(({ query }) => query.get("ns"))).toEqual(
      mirror.requests.map(() => registry.host),
    );
  });

  it.each<[string, Arrange, ErrorClass, RegExp]>([
    ["is down", async () => (await closedPort()).url, ErrUnavailable, /connection refused$/],
    ["is a web server", async () => keep(await webServer()).url, ErrNoSupport, /no registry API v2 here$/],
    [
      "has no such repository",
      async () => keep(await TestRegistry.start()).url,
      ErrNotFound,
      /^repository .* not found: name unknown/,
    ],
    [
      "has no such tag",
      () => mirrorWithAnotherTag(),
      ErrNotFound,
      /^manifest for .*:v1 not found: manifest unknown/,
    ],
    [
      "says 404 and nothing else",
      () => mirror.fault(document, { status: 404 }),
      ErrNotFound,
      /^manifest for .*:v1 not found: .*404 Not Found$/,
    ],
    [
      "lacks a blob",
      () => mirror.fault({ kind: "blob", times: ALWAYS }, { status: 404, body: "gone" }),
      ErrNotFound,
      /^content of .*:v1 not found: GET .*\/blobs\/sha256:\w+.*: 404 Not Found: gone$/,
    ],
    ["wants credentials", () => guardMirror(), ErrUnauthenticated, /no basic auth credentials$/],
    ["denies access", () => mirror.fault(document, denied), ErrPermissionDenied, /^pull access denied for /],
    ["is throttling", () => mirror.fault(document, { status: 429 }), ErrResourceExhausted, /429/],
    ["is broken", () => mirror.fault(document, { status: 500 }), ErrInternal, /500/],
    ["is overloaded", () => mirror.fault(document, { status: 503 }), ErrUnavailable, /503/],
    ["speaks no TLS", () => `https://${mirror.host}`, ErrUnavailable, /TLS handshake failed/],
    ["wants a client certificate", () => certifiedMirror(), ErrUnavailable, /^GET https:/],
    [
      "has a wrong manifest",
      () => mirror.fault({ ...document, method: "GET" }, { corrupt: { offset: 10 } }),
      ErrDataLoss,
      /\/manifests\/v1: got sha256:\w+, wanted sha256:/,
    ],
    [
      "is broken where its blobs are",
      () => mirror.fault({ kind: "blob", times: ALWAYS }, { status: 500 }),
      ErrInternal,
      /\/blobs\/sha256:\w+.*: 500 /,
    ],
    [
      "ends its blobs too early, in good order",
      () => mirror.fault({ kind: "blob", times: ALWAYS }, { chunked: true, truncate: 1_000 }),
      ErrUnavailable,
      /./,
    ],
    [
      "has a wrong blob",
      () => mirror.fault({ kind: "blob", times: ALWAYS }, { corrupt: { offset: 20 } }),
      ErrDataLoss,
      /^verify sha256:\w+: got sha256:/,
    ],
    [
      "goes silent in the middle",
      () => mirror.fault({ kind: "blob", times: ALWAYS }, { stall: true, afterBytes: 0 }),
      ErrUnavailable,
      /no data in time/,
    ],
    [
      "drips",
      () => mirror.fault({ kind: "blob", times: ALWAYS }, { bytesPerSecond: 100 }),
      ErrUnavailable,
      /no data in time|too slow: \d+ bytes in 30000 ms, wanted at least 1024 bytes per second/,
    ],
    [
      "answers everything with a page",
      () => answeringMirror("text/html", "<html>log in</html>"),
      ErrNotImplemented,
      /got text\/html, unsupported manifest format$/,
    ],
    [
      "answers everything with JSON",
      () => answeringMirror("application/json", "{}"),
      ErrNotImplemented,
      /got application\/json, unsupported/,
    ],
    [
      "answers everything with nothing",
      () => answeringMirror("", ""),
      ErrInvalidArgument,
      /got a manifest without Content-Type$/,
    ],
    [
      "has schema 1 only",
      () => answeringMirror(SCHEMA1, "{}"),
      ErrNotImplemented,
      /docker schema 1 is not supported$/,
    ],
    [
      "calls something else a manifest",
      () => answeringMirror(OCI.manifest, '{"hello":"world"}'),
      ErrInvalidArgument,
      /^children: invalid desc/,
    ],
    [
      "has a layer that is schema 1",
      () => mirrorWithOddLayer(),
      ErrNotImplemented,
      /\(docker schema 1\) is not supported$/,
    ],
    [
      "has something malformed under the tag",
      () => mirror.putManifest(REPOSITORY, "v1", '{"layers":', OCI.manifest),
      ErrInvalidArgument,
      /^children: invalid desc sha256:/,
    ],
    [
      "has an index without the platform",
      () => putIndex(mirror, { repository: REPOSITORY, tag: "v1" }, []),
      ErrNotFound,
      /^no matching manifest for linux\/amd64 /,
    ],
  ])("goes on when it %s", async (_, arrange, errorClass, message) => {
    const arranged = await arrange();
    const url = typeof arranged === "string" ? arranged : mirror.url;
    const logger = memoryLogger();
    const engine = await engineWith([url], logger);

    const result = await inIdleTime(() => engine.pull(name, { platform: "linux/amd64" }));

    expect(result).toMatchObject({ endpoint: registry.url, digest: image.descriptor.digest });
    expect(await blobsOn(engine.root)).toEqual(expect.arrayContaining([image.descriptor.digest]));
    const [fallback, ...more] = logger.entries.filter(({ level }) => level === "warn");
    expect(more).toEqual([]);
    expect(fallback?.fields).toMatchObject({ endpoint: new URL(url).origin, err: expect.any(errorClass) });
    expect(fallback?.fields).toHaveProperty("err.message", expect.stringMatching(message));
  });

  it("gets the second half of a blob from the registry", async () => {
    const { digest, size } = layerOf(image);
    mirror.fault({ digest }, { reset: true, afterBytes: size / 2 });
    mirror.fault({ digest, times: ALWAYS }, { reset: true });
    const engine = await engineWith([mirror.url]);

    await engine.pull(name);

    const [rest, ...more] = gets(registry, digest);
    expect(more).toEqual([]);
    expect(rest).toMatchObject({ status: 206, range: expect.stringMatching(/^bytes=[1-9]\d*-$/) });
    const received = gets(mirror, digest).reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    expect(received + (rest?.bytesSent ?? 0)).toBeLessThan(size * 1.25); // a reset may cost what the kernel held
    await blobsOn(engine.root);
  });

  it("is not misled by the wrong half of a blob that a mirror sent before it broke off", async () => {
    const { digest, size } = layerOf(image);
    mirror.fault({ digest }, { corrupt: { offset: 20 }, reset: true, afterBytes: size / 2 });
    mirror.fault({ digest, times: ALWAYS }, { reset: true });
    const engine = await engineWith([mirror.url]);

    expect(await engine.pull(name)).toMatchObject({ endpoint: registry.url });

    expect(gets(registry, digest)).toMatchObject([
      { status: 206, range: expect.stringMatching(/^bytes=[1-9]\d*-$/) },
      { status: 200, range: undefined },
    ]);
    expect(await blobsOn(engine.root)).toContain(digest);
  });

  it("goes on when it takes connections and never answers", async () => {
    mirror.fault(document, { hold: new Promise(() => {}) });
    const engine = keep(
      await openEngine({
        registry: { plainHttp: true, mirrors: { [registry.host]: [mirror.url] } },
        connection: { headersTimeoutMs: 1_000 },
      }),
    );
    const { endpoint, passedOver } = await engine.pull(name);
    expect(endpoint).toBe(registry.url);
    expect(passedOver).toMatchObject([{ endpoint: mirror.url, error: { code: "ERR_UNAVAILABLE" } }]);
    expect(mirror.requests).toHaveLength(1);
  });

  it.each([{ workers: 0 }, { workers: 1 }])(
    "asks it once for a blob for which it never answers, by $workers threads",
    async ({ workers }) => {
      const { digest } = layerOf(image);
      mirror.fault({ digest, times: ALWAYS }, { hold: new Promise(() => {}) });
      const engine = keep(
        await openEngine({
          registry: { plainHttp: true, mirrors: { [registry.host]: [mirror.url] } },
          connection: { headersTimeoutMs: 1_000 },
          workers,
          bytesPerWorker: 0,
        }),
      );
      expect(await engine.pull(name)).toMatchObject({ endpoint: registry.url });
      expect(gets(mirror, digest)).toHaveLength(1);
    },
  );

  it("takes a self-signed certificate at a loopback address", async () => {
    const secure = keep(await TestRegistry.start({ tls: selfSigned() }));
    await buildImage(secure, REPOSITORY, { tag: "v1", layers: [400_000, 5_000] });
    const engine = await engineWith([secure.url]);
    expect(await engine.pull(name)).toMatchObject({ endpoint: secure.url });
  });

  it.each([
    ["cancelled", undefined, ErrCanceled],
    ["out of time", new DOMException("too late", "TimeoutError"), ErrDeadlineExceeded],
  ])("asks nobody else once it is %s", async (_, reason, errorClass) => {
    mirror.fault({ kind: "manifest" }, { hold: new Promise(() => {}) });
    const engine = await engineWith([mirror.url]);
    const abort = new AbortController();
    const failure = failureOf(engine.pull(name, { signal: abort.signal }));
    await mirror.waitFor(({ kind }) => kind === "manifest");
    abort.abort(reason);
    expect(await failure).toBeInstanceOf(errorClass);
    expect(registry.requests).toEqual([]);
    await mirror.waitFor(({ kind }) => kind === "manifest", { finished: true });
    expect(await namesOn(engine.root)).toEqual([]);
  });
});

describe("pull() at a loopback address that speaks plain HTTP alone", () => {
  it("warns of nothing, as it works", async () => {
    const logger = memoryLogger();
    const engine = keep(await openEngine({ registry: { plainHttp: [] }, logger }));
    expect(await engine.pull(name)).toMatchObject({ endpoint: registry.url });
    const passed = logger.entries.filter(({ message }) => message.includes("trying the next endpoint"));
    expect(passed.map(({ level }) => level)).toEqual(["debug"]);
    expect(logger.entries.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });
});

describe("pull() without an endpoint that has it", () => {
  const missing = /^manifest for .* not found: manifest unknown/;

  beforeEach(() => {
    name = `${registry.host}/${REPOSITORY}:missing`;
  });

  it("tells what each endpoint said, line by line, with the class of the last", async () => {
    mirror.fault(document, denied);
    const engine = await engineWith([mirror.url]);
    const failure = (await failureOf(engine.pull(name))) as DrayageError;
    expect(failure).toBeInstanceOf(ErrNotFound);
    const [first, second, ...more] = failure.message.split("\n");
    expect(first).toMatch(/^pull access denied for /);
    expect(second).toMatch(missing);
    expect(more).toEqual([]);
    expect(failure.errors).toMatchObject([{ endpoint: mirror.url }, { endpoint: registry.url }]);
  });

  it("calls the last endpoint, after which nobody is asked, passed over nowhere", async () => {
    for (const place of [mirror, registry]) place.fault({ ...document, times: ALWAYS }, { status: 500 });
    const logger = memoryLogger();
    const engine = await engineWith([mirror.url], logger);
    const told: string[] = [];
    engine.events.on("fallback", ({ endpoint }) => told.push(endpoint));
    await failureOf(engine.pull(name));
    expect(told).toEqual([mirror.url]);
    const logged = logger.entries.filter(({ message }) => message.includes("trying the next endpoint"));
    expect(logged.map(({ fields }) => fields)).toMatchObject([{ endpoint: mirror.url }]);
  });

  it("names an endpoint before it that is no registry", async () => {
    const web = keep(await webServer());
    const engine = await engineWith([web.url]);
    const failure = await failureOf(engine.pull(name));
    expect(failure).toBeInstanceOf(ErrNotFound);
    const [first, second, ...more] = failure.message.split("\n");
    expect(first).toBe(`ping ${web.url}: no registry API v2 here`);
    expect(second).toMatch(missing);
    expect(more).toEqual([]);
    expect(web.seen).toContain(`GET /v2/?ns=${encodeURIComponent(registry.host)}`);
  });

  describe("when the registry itself is none", () => {
    let web: Stranger;

    beforeEach(async () => {
      web = keep(await webServer());
      name = `${web.host}/${REPOSITORY}:v1`;
    });

    it("says so when nobody else said more", async () => {
      const other = keep(await webServer());
      const engine = keep(await openEngine({ registry: { mirrors: { [web.host]: [other.url] } } }));
      const failure = (await failureOf(engine.pull(name))) as DrayageError;
      expect(failure).toBeInstanceOf(ErrNoSupport);
      expect(failure.message.split("\n")).toEqual(
        [other, web].map(({ url }) => `ping ${url}: no registry API v2 here`),
      );
      expect(failure.errors).toHaveLength(2);
    });

    it("gives the reason of the mirror before it", async () => {
      mirror.fault(document, denied);
      const engine = keep(await openEngine({ registry: { mirrors: { [web.host]: [mirror.url] } } }));
      const failure = await failureOf(engine.pull(name));
      expect(failure).toBeInstanceOf(ErrPermissionDenied);
      expect(failure.message).toMatch(/^pull access denied for [^\n]*$/);
    });
  });

  it("asks a registry again while that may help, and a mirror once", async () => {
    for (const place of [mirror, registry]) place.fault(document, { status: 500 });
    const engine = await engineWith([mirror.url]);
    await failureOf(engine.pull(name));
    expect(asked(mirror)).toEqual(["GET manifest"]);
    expect(asked(registry)).toEqual(Array.from({ length: 3 }, () => "GET manifest"));
  });
});

async function answeringMirror(type: string, body: string): Promise<string> {
  return keep(await tappedServer(() => ({ status: 200, headers: { "content-type": type }, body }))).url;
}

function mirrorWithOddLayer(): void {
  const layers = [{ ...layerOf(image), mediaType: SCHEMA1 }];
  putManifest(mirror, { repository: REPOSITORY, tag: "v1" }, { config: image.config, layers });
}

async function mirrorWithAnotherTag(): Promise<string> {
  const other = keep(await TestRegistry.start());
  await buildImage(other, REPOSITORY, { tag: "v2", layers: [] });
  return other.url;
}

async function guardMirror(): Promise<string> {
  const auth = { basic: { username: "user", password: "secret" } };
  return keep(await TestRegistry.start({ auth })).url;
}

async function certifiedMirror(): Promise<string> {
  const pair = selfSigned();
  const tls = { ...pair, ca: pair.cert, requestCert: true, rejectUnauthorized: true };
  return keep(await TestRegistry.start({ tls })).url;
}
