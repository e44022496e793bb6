import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDrayageError } from "../../../src/errors/drayage-error.ts";
import type { Credentials } from "../../../src/registry/credentials/credentials.ts";
import { dockerMetaHeaders } from "../../../src/registry/credentials/docker-meta-headers.ts";
import {
  dockerConfigCredentials,
  storedCredentials,
} from "../../../src/registry/credentials/stored-credentials.ts";
import { helperPrograms } from "../support/helper-programs.ts";

const HUB_KEY = "https://index.docker.io/v1/";
const ANN: Credentials = { username: "ann", password: "s3cret" };
const AUTH = { auth: btoa("ann:s3cret") };

let dockerConfigDir: string;
beforeEach(async () => {
  dockerConfigDir = await mkdtemp(join(tmpdir(), "drayage-docker-config-"));
});
afterEach(() => rm(dockerConfigDir, { recursive: true }));

async function write(config: unknown): Promise<void> {
  await writeFile(
    join(dockerConfigDir, "config.json"),
    typeof config === "string" ? config : JSON.stringify(config),
  );
}

async function lookUp(config: unknown, host: string): Promise<Credentials | undefined> {
  await write(config);
  return storedCredentials({ dockerConfigDir })(host);
}

/** The script of a helper that notes what it is asked, and answers always the same. */
function answerFor(user: string): string {
  return `cat >> "$DIR/asked"; echo '{"Username":"${user}","Secret":"x"}'`;
}

describe("storedCredentials() from auths", () => {
  it.each<[name: string, entry: Record<string, string>, credentials: Credentials | undefined]>([
    ["auth", AUTH, ANN],
    ["auth with a colon in the password", { auth: btoa("ann:a:b") }, { username: "ann", password: "a:b" }],
    ["auth padded with NUL", { auth: btoa("ann:s3cret\0\0") }, ANN],
    ["username and password", { username: "ann", password: "s3cret" }, ANN],
    ["auth before username and password", { ...AUTH, username: "bob", password: "x" }, ANN],
    ["identitytoken", { auth: btoa("ann:"), identitytoken: "id" }, { username: "ann", identityToken: "id" }],
    ["registrytoken", { registrytoken: "reg" }, { registryToken: "reg" }],
    ["an empty entry", {}, undefined],
    ["empty fields", { auth: "", identitytoken: "" }, undefined],
    ["unknown fields", { email: "a@b.example" }, undefined],
  ])("reads %s", async (_name, entry, credentials) => {
    expect(await lookUp({ auths: { "r.example": entry } }, "r.example")).toEqual(credentials);
  });

  it.each([
    "https://r.example:5000/v1/",
    "http://r.example:5000/v1/",
    "r.example:5000",
    "r.example:5000/v1/",
    "https://r.example:5000",
  ])("finds the host under the key %s", async (key) => {
    const config = { auths: { [key]: AUTH } };
    expect(await lookUp(config, "r.example:5000")).toEqual(ANN);
    for (const other of ["r.example", "r.example:500", "example:5000", "docker.io"]) {
      expect(await lookUp(config, other)).toBeUndefined();
    }
  });

  it("prefers the exact key", async () => {
    const auths = { "https://r.example/v1/": { registrytoken: "old" }, "r.example": AUTH };
    expect(await lookUp({ auths }, "r.example")).toEqual(ANN);
  });

  it.each([
    HUB_KEY,
    "https://index.docker.io/v1",
    "index.docker.io/v1/",
    "index.docker.io",
    "docker.io",
    "https://docker.io",
    "registry-1.docker.io",
    "https://registry-1.docker.io/v2/",
    "registry.hub.docker.com",
    "Docker.IO",
  ])("knows Docker Hub as %s", async (key) => {
    expect(await lookUp({ auths: { [key]: AUTH } }, "docker.io")).toEqual(ANN);
    expect(await dockerConfigCredentials({ configDir: dockerConfigDir })("docker.io")).toEqual(ANN);
    expect(await lookUp({ auths: { [key]: AUTH } }, "docker.example")).toBeUndefined();
  });

  it.each([
    ["R.Example", "r.example"],
    ["r.example:443", "r.example"],
    ["r.example", "r.example:443"],
    ["https://r.example:443/v2/", "r.example"],
    ["http://r.example:80", "r.example"],
  ])("finds under %s what belongs to %s", async (key, host) => {
    expect(await lookUp({ auths: { [key]: AUTH } }, host)).toEqual(ANN);
  });

  it.each([
    ["r.example:80", "r.example"],
    ["https://r.example:80", "r.example"],
    ["r.example:5000", "r.example"],
    ["r.example.", "r.example"],
    ["a.r.example", "r.example"],
    ["r.example@evil.example", "r.example"],
  ])("does not find under %s what belongs to %s", async (key, host) => {
    expect(await lookUp({ auths: { [key]: AUTH } }, host)).toBeUndefined();
  });

  it("takes the entry with the longest matching namespace", async () => {
    const auths = Object.fromEntries(
      ["r.example", "r.example/team", "r.example/team/app", "r.example/tea", "docker.io/ann"].map((key) => [
        key,
        { registrytoken: key },
      ]),
    );
    await write({ auths });
    const source = storedCredentials({ dockerConfigDir });
    const keyFor = async (host: string, repository?: string) =>
      (await source(host, { repository }))?.registryToken;
    expect(await keyFor("r.example", "team/app")).toBe("r.example/team/app");
    expect(await keyFor("r.example", "team/app/part")).toBe("r.example/team/app");
    expect(await keyFor("r.example", "team/apple")).toBe("r.example/team");
    expect(await keyFor("r.example", "teams")).toBe("r.example");
    expect(await keyFor("r.example")).toBe("r.example");
    expect(await keyFor("docker.io", "ann/app")).toBe("docker.io/ann");
    expect(await keyFor("docker.io", "library/redis")).toBeUndefined();
  });

  it("passes over an entry that only says that a helper holds it", async () => {
    expect(await lookUp({ auths: { "r.example": {}, "https://r.example": AUTH } }, "r.example")).toEqual(ANN);
  });

  it.each(["", " \n"])("takes a file with nothing in it (%j) for no configuration", async (text) => {
    expect(await lookUp(text, "r.example")).toBeUndefined();
  });

  it("is anonymous without a file, without auths, and for names of every object", async () => {
    expect(
      await storedCredentials({ dockerConfigDir: join(dockerConfigDir, "absent") })("r.example"),
    ).toBeUndefined();
    expect(await lookUp({}, "r.example")).toBeUndefined();
    expect(await lookUp({ auths: null, credHelpers: null, credsStore: null }, "r.example")).toBeUndefined();
    expect(await lookUp({ auths: {}, credHelpers: {} }, "constructor")).toBeUndefined();
  });

  it("reads the file anew for every lookup", async () => {
    const source = storedCredentials({ dockerConfigDir });
    expect(await source("r.example")).toBeUndefined();
    await write({ auths: { "r.example": AUTH } });
    expect(await source("r.example")).toEqual(ANN);
  });
});

describe("storedCredentials() with helpers", () => {
  it("asks the host's own helper, then the common one, then the file", async () => {
    await using programs = await helperPrograms();
    await programs.add("own", answerFor("own"));
    await programs.add("store", answerFor("store"));
    await write({
      auths: { "r.example": AUTH, "file.example": AUTH },
      credHelpers: { "r.example": "own", "file.example": "" },
      credsStore: "store",
    });
    const source = storedCredentials({ dockerConfigDir, env: programs.env });
    expect(await source("r.example")).toEqual({ username: "own", password: "x" });
    expect(await source("other.example")).toEqual({ username: "store", password: "x" });
    expect(await source("docker.io")).toEqual({ username: "store", password: "x" });
    expect(await source("file.example")).toEqual(ANN);
    expect(await programs.read("asked")).toBe(`r.exampleother.example${HUB_KEY}`);
  });

  it.each([
    ["has none", "echo credentials not found in native keychain; exit 1"],
    ["fails", "exit 2"],
  ])("falls back to auths when the helper %s", async (_, script) => {
    await using programs = await helperPrograms();
    await programs.add("store", script);
    await write({ auths: { "r.example": AUTH }, credsStore: "store" });
    expect(await storedCredentials({ dockerConfigDir, env: programs.env })("r.example")).toEqual(ANN);
  });

  it("tells of a helper that fails when there is nothing else", async () => {
    await write({ auths: { "r.example": {} }, credsStore: "not-there" });
    await expect(storedCredentials({ dockerConfigDir })("r.example")).rejects.toMatchObject({
      code: "ERR_FAILED_PRECONDITION",
      message: "Run docker-credential-not-there for r.example: the helper could not be started",
    });
  });

  it("finds the helper of a host whatever the spelling of its key", async () => {
    await using programs = await helperPrograms();
    await programs.add("own", answerFor("own"));
    await write({
      credHelpers: { "R.example:443": "own", "index.docker.io": "own" },
      credsStore: "not-there",
    });
    const source = storedCredentials({ dockerConfigDir, env: programs.env });
    expect(await source("r.example")).toMatchObject({ username: "own" });
    expect(await source("docker.io")).toMatchObject({ username: "own" });
    expect(await programs.read("asked")).toBe(`r.example${HUB_KEY}`);
  });

  it("runs one helper for those who ask for a host at once", async () => {
    await using programs = await helperPrograms();
    await programs.add("store", answerFor("store"));
    await write({ credsStore: "store" });
    const source = storedCredentials({ dockerConfigDir, env: programs.env });
    const all = await Promise.all([source("r.example"), source("r.example"), source("r.example")]);
    expect(new Set(all.map((one) => one?.username))).toEqual(new Set(["store"]));
    expect(await programs.read("asked")).toBe("r.example");
  });

  it("rejects a helper name that leads elsewhere", async () => {
    await expect(lookUp({ credsStore: "../../evil" }, "r.example")).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
  });
});

function token(registrytoken: string) {
  return { registrytoken };
}

/** Writes the files of `files` and looks in them, in podman's order. */
async function lookUpIn(
  files: Readonly<Record<"env" | "first" | "second" | "docker" | "old", unknown>>,
  host: string,
  repository?: string,
): Promise<string | undefined> {
  const path = (name: string) => join(dockerConfigDir, name);
  await write(files.docker);
  for (const name of ["first", "second", "old"] as const) {
    if (files[name] !== undefined) await writeFile(path(name), JSON.stringify(files[name]));
  }
  const source = storedCredentials({
    dockerAuthConfig: JSON.stringify(files.env),
    authFile: [path("absent"), path("first"), path("second")],
    dockerConfigDir,
    dockercfg: path("old"),
  });
  return (await source(host, { repository }))?.registryToken;
}

describe("storedCredentials() out of several places", () => {
  const files = {
    env: { auths: { "env.example": token("env") } },
    first: {
      auths: { "env.example": token("1"), "first.example": token("1"), "r.example/team": token("1") },
    },
    second: { auths: { "first.example": token("2"), "second.example": token("2"), "r.example": token("2") } },
    docker: {
      auths: { "second.example": token("d"), "docker.example": token("d"), "r.example/team/app": token("d") },
    },
    old: { "docker.example": token("o"), "https://old.example/v1/": token("o") },
  };

  it.each<[host: string, repository: string | undefined, found: string | undefined]>([
    ["env.example", undefined, "env"],
    ["first.example", undefined, "1"],
    ["second.example", undefined, "2"],
    ["docker.example", undefined, "d"],
    ["old.example", undefined, "o"],
    ["other.example", undefined, undefined],
    ["r.example", "team/app", "1"], // the first place that knows it, whatever the others know better
    ["r.example", "other", "2"],
  ])("takes the first that knows %s (%s)", async (host, repository, found) => {
    expect(await lookUpIn(files, host, repository)).toBe(found);
  });

  it("goes on behind docker's text that is no JSON, and tells of it when nobody knows the host", async () => {
    await write(files.docker);
    const source = storedCredentials({ dockerAuthConfig: "{", dockerConfigDir });
    expect(await source("docker.example")).toEqual({ registryToken: "d" });
    const failure: unknown = await source("other.example").catch((error: unknown) => error);
    expect((failure as Error).message).toBe(
      'Read docker config "DOCKER_AUTH_CONFIG", line 1, column 2: not JSON',
    );
    expect(source.stops?.(failure)).toBe(false);
  });

  it.each(["", "{", "[]", '{"auths": {"docker.example": 7}}'])(
    "stops at an auth file of podman that is malformed: %s",
    async (text) => {
      await write(files.docker);
      const authFile = join(dockerConfigDir, "auth.json");
      await writeFile(authFile, text);
      const source = storedCredentials({ authFile, dockerConfigDir });
      const failure: unknown = await source("docker.example").catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
      expect((failure as Error).message).toMatch(/^Read auth file ".*auth\.json", line 1, column \d+: /);
      expect(source.stops?.(failure)).toBe(true);
    },
  );

  it("refuses to look nowhere", () => {
    expect(() => storedCredentials({})).toThrow("Look up credentials: no file to look in is named");
  });
});

async function lookUpAuth(config: unknown, host: string, env?: Record<string, string>) {
  const authFile = join(dockerConfigDir, "auth.json");
  await writeFile(authFile, JSON.stringify(config));
  return await storedCredentials({ authFile, env })(host);
}

describe("storedCredentials() out of podman's auth.json", () => {
  it.each<[name: string, entry: Record<string, string>, credentials: Credentials | undefined]>([
    ["auth", AUTH, ANN],
    ["nothing of an auth without a colon", { auth: btoa("s3cret") }, undefined],
    ["nothing of an auth without a user", { auth: btoa(":s3cret") }, undefined],
    [
      "an identity token beside an auth",
      { auth: btoa("ann:"), identitytoken: "id" },
      { username: "ann", identityToken: "id" },
    ],
    ["no identity token that stands alone", { identitytoken: "id" }, undefined],
  ])("reads %s", async (_name, entry, credentials) => {
    expect(await lookUpAuth({ auths: { "r.example": entry } }, "r.example")).toEqual(credentials);
  });

  it("asks the helper of a host, and no common one", async () => {
    await using programs = await helperPrograms();
    await programs.add("own", answerFor("own"));
    const config = {
      auths: { "r.example": AUTH, "other.example": AUTH },
      credHelpers: { "r.example": "own" },
      credsStore: "not-there",
    };
    expect(await lookUpAuth(config, "r.example", programs.env)).toEqual({ username: "own", password: "x" });
    expect(await lookUpAuth(config, "other.example", programs.env)).toEqual(ANN);
  });
});

describe("dockerMetaHeaders()", () => {
  it("are those headers of docker's that an engine passes on", async () => {
    await write({
      HttpHeaders: { "X-Meta-Who": "ann", "x-meta-what": "pull", Authorization: "Basic s3cret" },
    });
    expect(await dockerMetaHeaders(dockerConfigDir)).toEqual({ "X-Meta-Who": "ann", "x-meta-what": "pull" });
  });

  it("are none without a file or without headers", async () => {
    expect(await dockerMetaHeaders(join(dockerConfigDir, "absent"))).toEqual({});
    await write({});
    expect(await dockerMetaHeaders(dockerConfigDir)).toEqual({});
  });

  it("say where they are malformed", async () => {
    await write({ HttpHeaders: { "X-Meta-Who": ["s3cret"] } });
    await expect(dockerMetaHeaders(dockerConfigDir)).rejects.toThrow(
      /line 1, column 30: HttpHeaders\["X-Meta-Who"\] is not a string$/,
    );
  });
});

describe("storedCredentials() with a bad file", () => {
  it.each<[config: unknown, reason: string]>([
    ['{"auths": {"r.example":\n {"auth": "s3cret', ", line 2, column 11: not JSON"],
    ["s3cret", ", line 1, column 1: not JSON"],
    ["[]", ", line 1, column 1: the file is not a JSON object"],
    [["s3cret"], ", line 1, column 1: the file is not a JSON object"],
    [null, ", line 1, column 1: the file is not a JSON object"],
    [{ auths: "s3cret" }, ", line 1, column 10: auths is not a JSON object"],
    [{ auths: { "r.example": "s3cret" } }, ', line 1, column 23: auths["r.example"] is not a JSON object'],
    [
      { auths: { "r.example": { auth: { x: "s3cret" } } } },
      ', line 1, column 31: auths["r.example"].auth is not a string',
    ],
    [
      { auths: { "r.example": { auth: btoa("s3cret") } } },
      ', line 1, column 31: auths["r.example"].auth is not the base64 form',
    ],
    [
      { auths: { "r.example": { auth: btoa(":s3cret") } } },
      ', line 1, column 31: auths["r.example"].auth is not the base64 form',
    ],
    [
      { auths: { "r.example": { password: ["s3cret"] } } },
      ', line 1, column 35: auths["r.example"].password is not a string',
    ],
    [{ credHelpers: ["s3cret"] }, ", line 1, column 16: credHelpers is not a JSON object"],
    [{ credHelpers: { "r.example": 7 } }, ', line 1, column 29: credHelpers["r.example"] is not a string'],
    [{ credsStore: { x: "s3cret" } }, ", line 1, column 15: credsStore is not a string"],
    [`{"x":"${"s3cret".repeat(200_000)}"}`, ": got more than 1048576 bytes"],
  ])("throws ErrInvalidArgument with path and reason, never the content (%#)", async (config, reason) => {
    const error: unknown = await lookUp(config, "r.example").catch((thrown: unknown) => thrown);
    const path = join(dockerConfigDir, "config.json");
    expect(error).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect((error as Error).message).toContain(`Read docker config "${path}"${reason}`);
    expect(inspect(error)).not.toMatch(new RegExp(`s3cret|${btoa("s3cret").slice(0, 6)}`));
  });

  it("is not stopped by a flaw in another host's entry", async () => {
    expect(await lookUp({ auths: { "bad.example": 7, "r.example": AUTH } }, "r.example")).toEqual(ANN);
  });

  it("tells when the file cannot be read", async () => {
    await mkdir(join(dockerConfigDir, "config.json"));
    await expect(storedCredentials({ dockerConfigDir })("r.example")).rejects.toThrow(
      /Read docker config ".*": not a regular file/,
    );
  });

  it("rejects with ErrCanceled when the signal fires", async () => {
    await write({});
    const source = storedCredentials({ dockerConfigDir });
    await expect(source("r.example", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ERR_CANCELED",
    });
  });

  it("gives credentials or one of our errors, whatever the JSON", async () => {
    const field = fc.oneof(fc.string(), fc.jsonValue());
    const entry = fc.record(
      { auth: field, username: field, password: field, identitytoken: field },
      { requiredKeys: [] },
    );
    const config = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          auths: fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom("r.example", "x"), entry)),
          credHelpers: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    );
    await fc.assert(
      fc.asyncProperty(config, async (value) => {
        const outcome: unknown = await lookUp(JSON.stringify(value), "r.example").catch(
          (error: unknown) => error,
        );
        if (outcome instanceof Error) return isDrayageError(outcome);
        return Object.values(outcome ?? {}).every((text) => typeof text === "string" && text !== "");
      }),
    );
  });
});
