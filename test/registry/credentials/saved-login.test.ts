import { lstat, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { forgetLogin, saveLogin } from "../../../src/registry/credentials/saved-login.ts";
import { storedCredentials } from "../../../src/registry/credentials/stored-credentials.ts";
import { helperPrograms } from "../support/helper-programs.ts";

const ANN = { username: "ann", password: "s3:cret" };
const ENTRY = { auth: btoa("ann:s3:cret") };
const HUB_KEY = "https://index.docker.io/v1/";

let folder: string;
let config: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "drayage-login-")));
  config = join(folder, "config.json");
});
afterEach(() => rm(folder, { recursive: true }));

const docker = () => ({ file: { dockerConfigDir: folder } });

async function contentOf(path = config): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

async function write(content: object): Promise<void> {
  await writeFile(config, JSON.stringify(content));
}

describe("saveLogin() in docker's config", () => {
  it("makes file and directory for their owner alone", async () => {
    const dockerConfigDir = join(folder, "made", "docker");
    const file = join(dockerConfigDir, "config.json");
    const saved = await saveLogin("r.example:5000", ANN, { file: { dockerConfigDir } });
    expect(saved).toEqual({ file, helper: undefined });
    expect(await contentOf(file)).toEqual({ auths: { "r.example:5000": ENTRY } });
    const modes = await Promise.all(
      [file, dockerConfigDir].map(async (path) => (await stat(path)).mode & 0o777),
    );
    expect(modes).toEqual([0o600, 0o700]);
    expect(await readdir(dockerConfigDir)).toEqual(["config.json"]);
  });

  it("keeps all that it does not know, and takes away what others may do", async () => {
    await writeFile(config, '{"psFormat": "x", "big": 12345678901234567890, "auths": {"other": {"a": 1}}}', {
      mode: 0o644,
    });
    await saveLogin("r.example", ANN, docker());
    expect(await readFile(config, "utf8")).toContain('"big": 12345678901234567890');
    expect(await contentOf()).toMatchObject({
      psFormat: "x",
      auths: { other: { a: 1 }, "r.example": ENTRY },
    });
    expect((await stat(config)).mode & 0o777).toBe(0o600);
  });

  it.each(["", " \n", "{}"])("writes into a file that says nothing (%j)", async (text) => {
    await writeFile(config, text);
    await saveLogin("r.example", ANN, docker());
    expect(await contentOf()).toEqual({ auths: { "r.example": ENTRY } });
  });

  it("knows Docker Hub under the name that docker reads", async () => {
    await saveLogin("docker.io", ANN, docker());
    expect(await contentOf()).toEqual({ auths: { [HUB_KEY]: ENTRY } });
  });

  it("replaces what was there for the host, in whatever spelling, and no namespace of it", async () => {
    const old = { auth: btoa("old:old") };
    await write({
      auths: { "https://R.example/v1/": old, "r.example:443": old, "r.example": old, "r.example/team": old },
    });
    await saveLogin("r.example", ANN, docker());
    expect(await contentOf()).toEqual({ auths: { "r.example/team": old, "r.example": ENTRY } });
  });

  it("keeps an identity token as docker does", async () => {
    await saveLogin("r.example", { username: "ann", identityToken: "id" }, docker());
    await saveLogin("s.example", { identityToken: "id" }, docker());
    expect(await contentOf()).toEqual({
      auths: {
        "r.example": { auth: btoa("ann:"), identitytoken: "id" },
        "s.example": { identitytoken: "id" },
      },
    });
    const source = storedCredentials({ dockerConfigDir: folder });
    expect(await source("r.example")).toEqual({ username: "ann", identityToken: "id" });
    expect(await source("s.example")).toEqual({ identityToken: "id" });
  });

  it.each(["there", "yet to be made"])("follows a link to a file that is %s", async (state) => {
    const target = join(folder, "real.json");
    if (state === "there") await writeFile(target, '{"x": 1}');
    await symlink("real.json", config);
    await saveLogin("r.example", ANN, docker());
    expect((await lstat(config)).isSymbolicLink()).toBe(true);
    expect(await contentOf(target)).toMatchObject({ auths: { "r.example": ENTRY } });
    expect((await stat(target)).mode & 0o777).toBe(0o600);
  });

  it("loses none of many logins at once", async () => {
    const hosts = Array.from({ length: 8 }, (_, index) => `r${index}.example`);
    await Promise.all(hosts.map((host) => saveLogin(host, ANN, docker())));
    expect(await contentOf()).toEqual({ auths: Object.fromEntries(hosts.map((host) => [host, ENTRY])) });
  });

  it("leaves a malformed file as it is", async () => {
    await writeFile(config, '{"auths": [}');
    await expect(saveLogin("r.example", ANN, docker())).rejects.toThrow(/line 1, column 12: not JSON$/);
    expect(await readFile(config, "utf8")).toBe('{"auths": [}');
    expect(await readdir(folder)).toEqual(["config.json"]);
  });

  it("refuses a login of nobody", async () => {
    await expect(saveLogin("r.example", { password: "x" }, docker())).rejects.toThrow(/got no user name/);
  });
});

describe("saveLogin() with a helper", () => {
  it.each([
    [{ credsStore: "keep" }, "r.example"],
    [{ credHelpers: { "r.example": "keep" }, credsStore: "other" }, "r.example"],
    [{ credsStore: "keep" }, "docker.io"],
  ])("gives it the secret, and the file an empty entry (%j, %s)", async (content, host) => {
    await using programs = await helperPrograms();
    await programs.add("keep", 'echo "$1" >> "$DIR/actions"; cat > "$DIR/stored"');
    await write(content);
    const saved = await saveLogin(host, ANN, { ...docker(), env: programs.env });
    const server = host === "docker.io" ? HUB_KEY : host;
    expect(saved).toEqual({ file: config, helper: "keep" });
    expect(await programs.read("actions")).toBe("store\n");
    expect(JSON.parse(await programs.read("stored"))).toEqual({
      ServerURL: server,
      Username: "ann",
      Secret: "s3:cret",
    });
    expect(await contentOf()).toEqual({ ...content, auths: { [server]: {} } });
  });

  it("gives it an identity token under the name for such", async () => {
    await using programs = await helperPrograms();
    await programs.add("keep", 'cat > "$DIR/stored"');
    await write({ credsStore: "keep" });
    const login = { username: "ann", identityToken: "id" };
    await saveLogin("r.example", login, { ...docker(), env: programs.env });
    expect(JSON.parse(await programs.read("stored"))).toMatchObject({ Username: "<token>", Secret: "id" });
  });

  it("does not write the secret into the file when it fails, nor into the error", async () => {
    await using programs = await helperPrograms();
    await programs.add("keep", "cat; exit 3");
    await write({ credsStore: "keep" });
    const saving = saveLogin("r.example", ANN, { ...docker(), env: programs.env });
    await expect(saving).rejects.toThrow(
      /^Run docker-credential-keep for r\.example: the helper failed with exit status 3$/,
    );
    expect(await contentOf()).toEqual({ credsStore: "keep" });
  });
});

describe("saveLogin() in podman's auth file", () => {
  it("writes what podman reads", async () => {
    const authFile = join(folder, "auth.json");
    await saveLogin("docker.io", ANN, { file: { authFile } });
    expect(await contentOf(authFile)).toEqual({ auths: { "docker.io": ENTRY } });
    expect(await storedCredentials({ authFile })("docker.io")).toEqual(ANN);
  });
});

describe("forgetLogin()", () => {
  it("takes out every spelling of the host and nothing else", async () => {
    const auths = { "r.example/team": ENTRY, "other.example": ENTRY };
    await write({ x: 1, auths: { ...auths, "r.example": ENTRY, "https://r.example/v2/": ENTRY } });
    expect(await forgetLogin("r.example", docker())).toBe(true);
    expect(await contentOf()).toEqual({ x: 1, auths });
    expect(await forgetLogin("r.example", docker())).toBe(false);
  });

  it("has the helper forget it too, whether it knows it or not", async () => {
    await using programs = await helperPrograms();
    await programs.add(
      "keep",
      'echo "$1 $(cat)" >> "$DIR/actions"; test ! -e "$DIR/gone" || { echo credentials not found in native keychain; exit 1; }; touch "$DIR/gone"',
    );
    await write({ credsStore: "keep", auths: { [HUB_KEY]: {} } });
    const options = { ...docker(), env: programs.env };
    expect(await forgetLogin("docker.io", options)).toBe(true);
    expect(await forgetLogin("docker.io", options)).toBe(false);
    expect(await programs.read("actions")).toBe(`erase ${HUB_KEY}\nerase ${HUB_KEY}\n`);
    expect(await contentOf()).toEqual({ credsStore: "keep", auths: {} });
  });

  it("makes no file where there is none", async () => {
    expect(await forgetLogin("r.example", { file: { dockerConfigDir: join(folder, "absent") } })).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });
});
