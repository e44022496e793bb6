import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { pino } from "pino";
import { beforeEach, describe, expect, it } from "vitest";
import { ErrPermissionDenied, ErrUnauthenticated, ErrUnavailable } from "../../src/errors.ts";
import type { Credentials } from "../../src/registry.ts";
import { buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { BASIC, guardedSite, SECRET_STRINGS, SECRETS, type SiteOptions } from "./support/guarded-site.ts";
import { closedPort, splitServer } from "./support/servers.ts";
import { statusLog } from "./support/status-lines.ts";

const { username, password, accessToken, signature, identityToken, registryToken } = SECRETS;

/** The storage would say that it has every blob. */
const FOR_PUSHES: SiteOptions = { redirected: { kind: "blob", method: "GET" } };

let source: TestRegistry;
let name: string;

const keep = closingAfterEach();

beforeEach(async () => {
  source = await TestRegistry.start();
  await buildImage(source, "team/app", { tag: "v1", layers: [5_000, 6_000] });
  name = `localhost:${new URL(source.url).port}/team/app:v1`;
  keep(source);
});

/** An engine that has the image. */
async function engineWith(options: Parameters<typeof openEngine>[0] = {}): Promise<Engine> {
  const engine = keep(await openEngine(options));
  await engine.pull(name);
  return engine;
}

/** The secrets in a text. */
function secretsIn(text: string): readonly string[] {
  return SECRET_STRINGS.filter((secret) => text.includes(secret));
}

describe("endpoints of push()", () => {
  it("are never mirrors", async () => {
    const target = keep(await TestRegistry.start());
    const mirror = keep(await TestRegistry.start());
    const engine = await engineWith({ registry: { mirrors: { [target.host]: [mirror.url] } } });
    await engine.push(name, { target: `${target.host}/team/app:v1` });
    expect(target.tags("team/app")).toEqual(["v1"]);
    expect(mirror.requests).toEqual([]);
  });

  it("are plain HTTP when a loopback registry speaks no TLS", async () => {
    const target = keep(await TestRegistry.start());
    const engine = await engineWith({ registry: { plainHttp: false } });
    const { endpoint } = await engine.push(name, { target: `${target.host}/team/app:v1` });
    expect(endpoint).toBe(target.url);
    expect(target.tags("team/app")).toEqual(["v1"]);
  });

  it("are never plain HTTP once the host has answered over TLS", async () => {
    const tls = keep(await TestRegistry.start({ tls: selfSigned() }));
    const plain = keep(await TestRegistry.start());
    tls.fault({ kind: "manifest", method: "PUT", times: Number.POSITIVE_INFINITY }, { status: 503 });
    const split = keep(await splitServer({ tls: tls.host, plain: plain.host }));
    const engine = await engineWith({ registry: { plainHttp: false } });
    const failure = await failureOf(engine.push(name, { target: `${split.host}/team/app:v1` }));
    expect(failure).toBeInstanceOf(ErrUnavailable);
    expect(plain.requests).toEqual([]);
    expect(split.seen).not.toContain("plain");
  });

  it("that are not there are named, each with its reason", async () => {
    const { host } = await closedPort();
    const engine = await engineWith({ registry: { plainHttp: false } });
    const failure = await failureOf(engine.push(name, { target: `${host}/team/app:v1` }));
    expect(failure).toBeInstanceOf(ErrUnavailable);
    expect(failure.message.split("\n")).toEqual([
      expect.stringContaining(`https://${host}`),
      expect.stringContaining(`http://${host}`),
    ]);
  });
});

describe("credentials of push()", () => {
  const cases: readonly (readonly [string, Credentials, { registry: string[]; tokenServer: string[] }])[] = [
    ["user and password", { username, password }, { registry: [accessToken], tokenServer: [BASIC] }],
    ["an identity token", { identityToken }, { registry: [accessToken], tokenServer: [identityToken] }],
    ["a registry token", { registryToken }, { registry: [registryToken], tokenServer: [] }],
  ];

  it.each(cases)("as %s go to the target and its token server alone", async (_, auth, expected) => {
    const site = keep(await guardedSite(FOR_PUSHES));
    const engine = await engineWith({
      credentials: async () => ({ username: "somebody", password: "else" }),
    });
    const log = statusLog();
    await engine.push(name, { target: `${site.registry.host}/team/new:v1`, auth, onProgress: log.sink });
    expect(site.behind.tags("team/new")).toEqual(["v1"]);
    expect(secretsIn(site.registry.received())).toEqual(expected.registry);
    expect(secretsIn(site.tokenServer.received())).toEqual(expected.tokenServer);
  });

  it("are asked for once per push", async () => {
    const site = keep(await guardedSite(FOR_PUSHES));
    const asked: string[] = [];
    const engine = await engineWith({
      credentials: async (host) => {
        asked.push(host);
        return host === site.registry.host ? { username, password } : undefined;
      },
    });
    asked.splice(0);
    await engine.push(name, { target: `${site.registry.host}/team/new:v1` });
    expect(asked).toEqual([site.registry.host]);
  });

  it("do not follow an upload to another origin", async () => {
    const site = keep(await guardedSite({ ...FOR_PUSHES, storage: { status: 201, body: "" } }));
    site.behind.fault(
      { kind: "upload", method: "POST", times: Number.POSITIVE_INFINITY },
      { status: 202, headers: { location: `${site.storage.url}/upload?X-Amz-Signature=${signature}` } },
    );
    const engine = await engineWith();
    await engine
      .push(name, {
        target: `${site.registry.host}/team/new:v1`,
        auth: { registryToken },
        metaHeaders: { "X-Meta-Who": "the client" },
      })
      .catch(() => {}); // the registry does not have the blobs that its storage took
    expect(site.registry.received()).toContain("the client");
    expect(site.storage.received()).toContain("PUT /upload");
    expect(site.storage.received()).not.toContain("the client");
    expect(site.storage.received().toLowerCase()).not.toContain("authorization:");
    expect(secretsIn(site.storage.received())).toEqual([signature]);
  });
});

describe("no secret shows", () => {
  it("in a push that succeeds", async () => {
    const { outcome, said } = await everythingSaid({}, { username, password });
    expect(outcome).toMatchObject({ reference: expect.stringContaining("team/new:v1") });
    expect(said).toContain("mounts");
    expect(secretsIn(said)).toEqual([]);
  });

  it.each<[string, SiteOptions, new (message: string) => Error]>([
    ["refuses", { token: { status: 401, body: "" } }, ErrUnauthenticated],
    ["repeats the password", { token: { status: 403, body: echo(password) } }, ErrPermissionDenied],
    ["repeats the header", { token: { status: 403, body: echo(BASIC) } }, ErrPermissionDenied],
  ])("when the token server %s", async (_, options, errorClass) => {
    const { outcome, said } = await everythingSaid(options, { username, password });
    expect(outcome).toBeInstanceOf(errorClass);
    expect(secretsIn(said)).toEqual([]);
  });

  it("when the place of an upload is signed and refuses it", async () => {
    const { outcome, said } = await everythingSaid({}, { username, password }, signature);
    expect(outcome).toBeInstanceOf(ErrPermissionDenied);
    expect(secretsIn(said)).toEqual([]);
  });
});

/** Pushes with all the ears open; gives everything that could be read afterwards. */
async function everythingSaid(options: SiteOptions, auth: Credentials, signed?: string) {
  const site = keep(await guardedSite({ ...FOR_PUSHES, ...options }));
  if (signed !== undefined) {
    const location = `/v2/team/new/blobs/uploads/signed?X-Amz-Signature=${signed}`;
    const upload = { kind: "upload", times: Number.POSITIVE_INFINITY } as const;
    site.behind.fault({ ...upload, method: "POST" }, { status: 202, headers: { location } });
    site.behind.fault({ ...upload, method: "PUT" }, { status: 403 });
  }
  const lines: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => lines.push(line) });
  const engine = await engineWith({ logger });
  const log = statusLog();
  const outcome = await engine
    .push(name, { target: `${site.registry.host}/team/new:v1`, auth, onProgress: log.sink })
    .catch((error: unknown) => error);
  await engine.close(); // nothing is written after that
  const deep = { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null };
  const shown = `${inspect(outcome, deep)} ${JSON.stringify(outcome)} ${String(outcome)}`;
  const said = [lines.join(""), JSON.stringify(log.progress), shown, await everythingUnder(engine)];
  return { outcome, said: said.join("\n") };
}

function echo(word: string): string {
  return JSON.stringify({ errors: [{ code: "DENIED", message: `not with ${word}` }] });
}

async function everythingUnder({ root }: Engine): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, "latin1")));
  return [...files, ...contents].join("\n");
}
