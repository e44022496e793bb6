import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { ErrPermissionDenied, ErrUnauthenticated } from "../../src/errors.ts";
import type { Credentials } from "../../src/registry.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import {
  BASIC,
  type GuardedSite,
  guardedSite,
  SECRET_STRINGS,
  SECRETS,
  type SiteOptions,
} from "./support/guarded-site.ts";
import { statusLog } from "./support/status-lines.ts";

const { username, password, identityToken, registryToken, accessToken, signature } = SECRETS;

let open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
  open = [];
});

function keep<T extends AsyncDisposable>(value: T): T {
  open.push(value);
  return value;
}

async function siteWith(options: SiteOptions = {}): Promise<GuardedSite & { readonly name: string }> {
  const site = keep(await guardedSite(options));
  return { ...site, name: `${site.registry.host}/team/app:v1` };
}

async function somebodyElse(): Promise<Credentials> {
  return { username: "somebody", password: "else entirely" };
}

/** The secrets in a text. */
function secretsIn(text: string): readonly string[] {
  return SECRET_STRINGS.filter((secret) => text.includes(secret));
}

describe("credentials", () => {
  const cases: readonly (readonly [string, Credentials, { registry: string[]; tokenServer: string[] }])[] = [
    ["user and password", { username, password }, { registry: [accessToken], tokenServer: [BASIC] }],
    ["an identity token", { identityToken }, { registry: [accessToken], tokenServer: [identityToken] }],
    ["a registry token", { registryToken }, { registry: [registryToken], tokenServer: [] }],
  ];

  it.each(cases)("as %s go to the registry and its token server alone", async (_, found, expected) => {
    const site = await siteWith();
    const asked: string[] = [];
    const engine = keep(
      await openEngine({
        credentials: async (host) => {
          asked.push(host);
          return host === site.registry.host ? found : undefined;
        },
      }),
    );
    await engine.pull(site.name);
    expect(asked).toEqual([site.registry.host]);
    expect(secretsIn(site.registry.received())).toEqual(expected.registry);
    expect(secretsIn(site.tokenServer.received())).toEqual(expected.tokenServer);
    expect(secretsIn(site.storage.received())).toEqual([signature]); // its own URL
    expect(site.storage.received().toLowerCase()).not.toContain("authorization");
  });

  it.each(cases)("given to a pull as %s replace the configured ones", async (_, auth, expected) => {
    const site = await siteWith();
    const engine = keep(await openEngine({ credentials: somebodyElse }));
    await engine.pull(site.name, { auth });
    expect(secretsIn(site.registry.received())).toEqual(expected.registry);
    expect(secretsIn(site.tokenServer.received())).toEqual(expected.tokenServer);
    const elsewhere = Buffer.from("somebody:else entirely").toString("base64");
    expect(site.tokenServer.received()).not.toContain(elsewhere);
  });

  it("of a registry never go to its mirror", async () => {
    const site = await siteWith();
    const asked: string[] = [];
    const credentials = async (host: string) => {
      asked.push(host);
      return host === site.registry.host ? { username, password } : undefined;
    };
    const mirrors = { [site.registry.host]: [site.mirror.url] };
    const engine = keep(await openEngine({ credentials, registry: { mirrors } }));
    for (const options of [{}, { auth: { username, password } }]) await engine.pull(site.name, options);
    expect(site.mirror.received()).toContain("HEAD /v2/team/app/manifests/v1");
    expect(secretsIn(site.mirror.received())).toEqual([]);
    expect(asked).toEqual([site.mirror.host, site.registry.host]); // both pulls are the same one to the mirror
  });

  it("of a mirror go to the mirror alone", async () => {
    const site = await siteWith();
    const credentials = async (host: string) =>
      host === site.mirror.host ? { username: "mirror", password: "of the mirror" } : undefined;
    const mirrors = { [site.registry.host]: [site.mirror.url] };
    const engine = keep(await openEngine({ credentials, registry: { mirrors } }));
    const { endpoint } = await engine.pull(site.name, { auth: { username, password } });
    expect(endpoint).toBe(site.mirror.url);
    expect(site.registry.received()).toBe("");
    expect(secretsIn(site.mirror.received())).toEqual([]);
  });

  it("come from docker's config by the registry's host", async () => {
    const site = await siteWith();
    const dockerConfigDir = await mkdtemp(join(tmpdir(), "drayage-docker-"));
    const config = { auths: { [site.registry.host]: { auth: BASIC } } };
    await writeFile(join(dockerConfigDir, "config.json"), JSON.stringify(config));
    const engine = keep(await openEngine({ credentials: { dockerConfigDir } }));
    await engine.pull(site.name);
    expect(secretsIn(site.tokenServer.received())).toEqual([BASIC]);
    await rm(dockerConfigDir, { recursive: true });
  });

  it.each(["HEAD", "GET"])("stay behind when %s of a manifest is redirected", async (method) => {
    const site = await siteWith({ redirected: { kind: "manifest", method } });
    const engine = keep(await openEngine({ credentials: async () => ({ registryToken }) }));
    const metaHeaders = { "X-Meta-Who": "the client" };
    // HEAD is what a second pull begins with: the first one has to fetch the manifest, once it is known who asks.
    for (let pulls = 0; pulls < 2; pulls++) await engine.pull(site.name, { metaHeaders });
    expect(site.registry.received()).toContain("the client");
    expect(site.storage.received()).toContain(`${method} /v2/team/app/manifests/`);
    expect(site.storage.received()).not.toContain("the client");
    expect(secretsIn(site.registry.received())).toEqual([registryToken]);
    expect(secretsIn(site.storage.received())).toEqual([signature]);
  });
});

describe("credentials for a token server", () => {
  it.each<[string, Credentials]>([
    ["user and password", { username, password }],
    ["an identity token", { identityToken }],
  ])("as %s stay with it when it redirects", async (_, auth) => {
    const { storage } = await siteWith();
    const headers = { location: `${storage.url}/token` };
    const site = await siteWith({ token: { status: 307, headers, body: "" } });
    const engine = keep(await openEngine());
    await failureOf(engine.pull(site.name, { auth }));
    expect(secretsIn(site.tokenServer.received())).toHaveLength(1);
    expect(secretsIn(storage.received())).toEqual([]);
  });
});

describe("no secret shows", () => {
  it("in a pull that succeeds", async () => {
    const { outcome, said } = await everythingSaid(await siteWith(), { username, password });
    expect(outcome).toMatchObject({ reference: expect.stringContaining("team/app:v1") });
    expect(said).toContain("team/app:v1");
    expect(secretsIn(said)).toEqual([]);
  });

  it.each<[string, SiteOptions, Credentials, new (message: string) => Error]>([
    ["refuses", { token: { status: 401, body: "" } }, { username, password }, ErrUnauthenticated],
    ["repeats the password", { token: { status: 401, body: echo(password) } }, { username, password }, Error],
    ["repeats the header", { token: { status: 403, body: echo(BASIC) } }, { username, password }, Error],
    [
      "repeats the identity token",
      { token: { status: 400, body: JSON.stringify({ error: identityToken }) } },
      { identityToken },
      Error,
    ],
  ])("when the token server %s", async (_, options, auth, errorClass) => {
    const { outcome, said } = await everythingSaid(await siteWith(options), auth);
    expect(outcome).toBeInstanceOf(errorClass);
    expect(secretsIn(said)).toEqual([]);
  });

  it.each([
    ["refuses the signature", 403, ErrPermissionDenied],
    ["is broken", 500, Error],
  ])("when the storage %s", async (_, status, errorClass) => {
    const site = await siteWith({
      storage: { status, body: "<Error><Code>SignatureDoesNotMatch</Code></Error>" },
    });
    const { outcome, said } = await everythingSaid(site, { username, password });
    expect(outcome).toBeInstanceOf(errorClass);
    expect(secretsIn(said)).toEqual([]);
  });

  it("when the storage is not there", async () => {
    const site = await siteWith();
    await site.storage[Symbol.asyncDispose]();
    open = open.filter((each) => each !== site.storage);
    const { outcome, said } = await everythingSaid(site, { username, password });
    expect(outcome).toBeInstanceOf(Error);
    expect(secretsIn(said)).toEqual([]);
  });

  it("when it is part of the reference", async () => {
    const { outcome, said } = await everythingSaid(
      { name: `https://${username}:${password}@registry.example/app` },
      {},
    );
    expect(outcome).toBeInstanceOf(Error);
    expect(secretsIn(said)).toEqual([]);
  });
});

/** Pulls with all the ears open; gives everything that could be read afterwards. */
async function everythingSaid(site: { readonly name: string }, auth: Credentials) {
  const lines: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => lines.push(line) });
  const engine = keep(await openEngine({ logger }));
  const log = statusLog();
  const events: unknown[] = [];
  for (const event of ["pull", "tag", "untag", "delete"] as const) {
    engine.events.on(event, (detail) => events.push(detail));
  }
  const outcome = await engine
    .pull(site.name, { auth, onProgress: log.sink, metaHeaders: { "X-Meta-Who": "me" } })
    .catch((error: unknown) => error);
  await engine.close(); // nothing is written after that
  const disk = await everythingUnder(engine);
  const said = [lines.join(""), JSON.stringify([events, log.progress]), everythingIn(outcome), disk];
  return { outcome, said: said.join("\n") };
}

function echo(word: string): string {
  return JSON.stringify({ errors: [{ code: "DENIED", message: `not with ${word}` }] });
}

/** All that an error shows: own properties, causes and collected errors at any depth, and their stacks. */
function everythingIn(value: unknown): string {
  const deep = {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    maxStringLength: null,
    maxArrayLength: null,
  };
  return `${inspect(value, deep)} ${JSON.stringify(value)} ${String(value)}`;
}

async function everythingUnder({ root }: Engine): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect(files.length).toBeGreaterThan(1);
  const contents = await Promise.all(files.map((file) => readFile(file, "latin1")));
  return [...files, ...contents].join("\n");
}
