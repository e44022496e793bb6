import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DrayageError,
  ErrDataLoss,
  ErrInternal,
  ErrNotFound,
  ErrPermissionDenied,
  ErrUnauthenticated,
  ErrUnavailable,
} from "../../src/errors.ts";
import type { Descriptor } from "../../src/images.ts";
import { buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { inIdleTime } from "../async/idle-time.ts";
import { digestsOf } from "./support/built-image.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "./support/engine.ts";
import { SILENCE, type SplitTargets, splitServer } from "./support/servers.ts";
import { statusLog } from "./support/status-lines.ts";

const REPOSITORY = "team/app";
const ALWAYS = Number.POSITIVE_INFINITY;
const PAIR = selfSigned();

/** Two registries with the same image: behind one port they are the two protocols of one host. */
let secure: TestRegistry;
let plain: TestRegistry;
let engine: Engine;
let open: AsyncDisposable[];

beforeEach(async () => {
  secure = await TestRegistry.start({ tls: PAIR });
  plain = await TestRegistry.start();
  for (const place of [secure, plain]) {
    await buildImage(place, REPOSITORY, { tag: "v1", layers: [300_000] });
  }
  engine = await openEngine({ registry: { plainHttp: false } });
  open = [secure, plain, engine];
});

afterEach(async () => {
  for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
});

async function hostOf(targets: Partial<SplitTargets> = {}): Promise<string> {
  const split = await splitServer({ tls: secure.host, plain: plain.host, ...targets });
  open.push(split);
  return split.host;
}

describe("pull() from a loopback registry", () => {
  it("prefers TLS, whoever signed the certificate", async () => {
    const host = await hostOf();
    expect(await engine.pull(`${host}/${REPOSITORY}:v1`)).toMatchObject({ endpoint: `https://${host}` });
    expect(plain.requests).toEqual([]);
  });

  it("speaks plain HTTP when nobody answers to TLS", async () => {
    const host = await hostOf({ tls: undefined });
    expect(await engine.pull(`${host}/${REPOSITORY}:v1`)).toMatchObject({ endpoint: `http://${host}` });
  });

  it("asks once whether there is TLS where nobody says a word to it, and tells for whom it waits", async () => {
    const split = await splitServer({ tls: SILENCE, plain: plain.host });
    open.push(split);
    const log = statusLog({ slowAnswers: true });
    const { endpoint } = await inIdleTime(() =>
      engine.pull(`${split.host}/${REPOSITORY}:v1`, { onProgress: log.sink }),
    );
    expect(endpoint).toBe(`http://${split.host}`);
    expect(split.seen.filter((protocol) => protocol === "tls")).toHaveLength(1);
    expect(log.actions("v1")).toContain(`Waiting for ${split.host}`);
    expect(log.actions("v1")).not.toContainEqual(expect.stringContaining("Retrying"));
  });

  it("asks once for a push as well, and for each of several tags no more", async () => {
    const split = await splitServer({ tls: SILENCE, plain: plain.host });
    open.push(split);
    await using single = await openEngine({
      registry: { plainHttp: false },
      connection: { connectTimeoutMs: 200 }, // shorter than what others wait for who finds out
      maxConcurrentUploads: 1,
    });
    for (const tag of ["v1", "v2"]) {
      const pulled = await single.pull(`${plain.host}/${REPOSITORY}:v1`);
      await single.images.tag(`${split.host}/copy:${tag}`, { ...pulled.images[0]?.target } as Descriptor);
    }
    await inIdleTime(() => single.push(`${split.host}/copy`, { allTags: true }));
    expect(plain.tags("copy")).toEqual(["v1", "v2"]);
    expect(split.seen.filter((protocol) => protocol === "tls")).toHaveLength(1);
  });

  it("says of a host that takes part in neither what each of them came to", async () => {
    const host = await hostOf({ tls: SILENCE, plain: undefined });
    const failure = await failureOf(inIdleTime(() => engine.pull(`${host}/${REPOSITORY}:v1`)));
    expect(failure.message.split("\n")).toEqual([
      `GET https://${host}: no answer to the TLS handshake in time`,
      `GET http://${host}: connection closed by the other side`,
    ]);
  });

  it("speaks plain HTTP to a server that does nothing else", async () => {
    const { endpoint } = await engine.pull(`${plain.host}/${REPOSITORY}:v1`);
    expect(endpoint).toBe(plain.url);
  });

  it("speaks plain HTTP when TLS is there but shows no usable key", async () => {
    const tls = { ...PAIR, ca: PAIR.cert, requestCert: true, rejectUnauthorized: true };
    const picky = await TestRegistry.start({ tls });
    open.push(picky);
    const host = await hostOf({ tls: picky.host });
    expect(await engine.pull(`${host}/${REPOSITORY}:v1`)).toMatchObject({ endpoint: `http://${host}` });
  });

  it.each<[string, () => unknown, new (message: string) => DrayageError]>([
    ["is broken", () => secure.fault({ times: ALWAYS }, { status: 500 }), ErrInternal],
    ["is overloaded", () => secure.fault({ times: ALWAYS }, { status: 503 }), ErrUnavailable],
    [
      "has no such image",
      () => secure.fault({ kind: "manifest", times: ALWAYS }, { status: 404 }),
      ErrNotFound,
    ],
    ["wants credentials", () => secure.fault({ times: ALWAYS }, { status: 401 }), ErrUnauthenticated],
    ["denies access", () => secure.fault({ times: ALWAYS }, { status: 403 }), ErrPermissionDenied],
    [
      "breaks every blob off",
      () => secure.fault({ kind: "blob", times: ALWAYS }, { reset: true }),
      ErrUnavailable,
    ],
    [
      "has a wrong blob",
      () => secure.fault({ kind: "blob", times: ALWAYS }, { corrupt: { offset: 0 } }),
      ErrDataLoss,
    ],
  ])("says nothing in the clear once TLS has answered, even when it %s", async (_, arrange, errorClass) => {
    arrange();
    const host = await hostOf();
    expect(await failureOf(engine.pull(`${host}/${REPOSITORY}:v1`))).toBeInstanceOf(errorClass);
    expect(plain.requests).toEqual([]);
  });

  it("speaks nothing but plain HTTP when told so", async () => {
    await using lax = await openEngine();
    const host = await hostOf();
    expect(await lax.pull(`${host}/${REPOSITORY}:v1`)).toMatchObject({ endpoint: `http://${host}` });
    expect(secure.requests).toEqual([]);
  });
});

describe("pull() through redirects", () => {
  it.each([
    ["https", "to plain HTTP", () => plain],
    ["https", "to another scheme", () => ({ url: "ftp://127.0.0.1" })],
  ])("from %s refuses to follow a blob %s", async (_, __, target) => {
    secure.fault({ kind: "blob", times: ALWAYS }, { redirect: ({ path }) => target().url + path });
    const host = await hostOf();
    const failure = await failureOf(engine.pull(`${host}/${REPOSITORY}:v1`));
    expect(failure).toBeInstanceOf(ErrUnavailable);
    expect(failure.message).toMatch(/redirect (from https )?to .* refused$/);
    expect(plain.requests).toEqual([]);
  });

  it("fetches a blob from where the registry says it is", async () => {
    const elsewhere = await TestRegistry.start();
    open.push(elsewhere);
    const image = await buildImage(elsewhere, REPOSITORY, { tag: "v1", layers: [300_000] });
    plain.fault({ kind: "blob", times: ALWAYS }, { redirect: ({ path }) => `${elsewhere.url}${path}?sig=1` });
    await engine.pull(`${plain.host}/${REPOSITORY}:v1`);
    expect(await blobsOn(engine.root)).toHaveLength(3);
    const blobs = digestsOf(image).filter((digest) => digest !== image.descriptor.digest);
    expect(new Set(elsewhere.requests.map(({ digest }) => digest))).toEqual(new Set(blobs));
  });
});
