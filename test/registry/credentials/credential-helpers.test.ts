import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { storedCredentials } from "../../../src/registry/credentials/stored-credentials.ts";
import { type HelperPrograms, helperPrograms } from "../support/helper-programs.ts";

const NOT_FOUND = "echo 'credentials not found in native keychain'; exit 1";

let programs: HelperPrograms;

beforeEach(async () => {
  programs = await helperPrograms();
  await programs.add("one", 'cat >> "$DIR/asked"; echo \'{"Username":"one","Secret":"x"}\'');
  await programs.add("two", `echo '{"Username":"two","Secret":"x"}'`);
  await programs.add("nothing", NOT_FOUND);
  await programs.add("broken", "exit 3");
  await auth("auth.json", "podman");
  await auth("config.json", "docker");
});

afterEach(() => programs[Symbol.asyncDispose]());

function auth(file: string, user: string): Promise<void> {
  const auths = { "r.example": { auth: btoa(`${user}:x`) } };
  return writeFile(join(programs.dir, file), JSON.stringify({ auths }));
}

function source(configuration: string | readonly string[] = "registries.conf", options: object = {}) {
  return storedCredentials({
    authFile: join(programs.dir, "auth.json"),
    dockerConfigDir: programs.dir,
    registriesConf: [configuration].flat().map((path) => join(programs.dir, path)),
    env: programs.env,
    ...options,
  });
}

async function userBy(helpers: readonly string[], { host = "r.example", options = {} } = {}) {
  const text = `credential-helpers = ${JSON.stringify(helpers)}\n`;
  await writeFile(join(programs.dir, "registries.conf"), text);
  return (await source("registries.conf", options)(host))?.username;
}

describe("storedCredentials() with the credential helpers of registries.conf", () => {
  it.each([
    [["one"], "one"],
    [["one", "containers-auth.json"], "one"],
    [["containers-auth.json", "one"], "podman"],
    [["nothing", "two", "one"], "two"],
    [["nothing", "containers-auth.json"], "podman"],
    [["broken", "containers-auth.json"], "podman"],
    [["containers-auth.json"], "podman"],
    [[], "podman"],
  ])("asks %j in this order, and finds %s", async (helpers, user) => {
    expect(await userBy(helpers)).toBe(user);
  });

  it("leaves podman's files out where they are not listed, and docker's to the end", async () => {
    expect(await userBy(["nothing"])).toBe("docker");
    expect(await userBy(["broken", "nothing"])).toBe("docker");
  });

  it("asks for a host by its name, Docker Hub as docker.io, in any repository", async () => {
    await writeFile(join(programs.dir, "registries.conf"), 'credential-helpers = ["one"]\n');
    await source()("docker.io", { repository: "library/redis" });
    expect(await programs.read("asked")).toBe("docker.io");
  });

  it("tells why a helper failed where nobody else knows the host", async () => {
    await expect(userBy(["broken", "nothing"], { host: "other.example" })).rejects.toThrow(
      "Run docker-credential-broken for other.example: the helper failed with exit status 3",
    );
  });

  it("asks DOCKER_AUTH_CONFIG first", async () => {
    const dockerAuthConfig = JSON.stringify({ auths: { "r.example": { auth: btoa("first:x") } } });
    expect(await userBy(["one"], { options: { dockerAuthConfig } })).toBe("first");
  });

  it("goes by the last file that names some, as it is now", async () => {
    const write = (path: string, text: string) => writeFile(join(programs.dir, path), text);
    await mkdir(join(programs.dir, "conf.d"));
    await write("registries.conf", 'credential-helpers = ["one"]\n');
    await write("conf.d/1.conf", "");
    const lookUp = source(["registries.conf", "conf.d"]);
    const found = async () => [(await lookUp("r.example"))?.username, await lookUp.stamp?.()];
    const [first, before] = await found();
    await write("conf.d/1.conf", 'credential-helpers = ["two"]\n');
    const [second, after] = await found();
    expect([first, second]).toEqual(["one", "two"]);
    expect(before).not.toBe(after);
    await rm(join(programs.dir, "conf.d"), { recursive: true });
    expect((await lookUp("r.example"))?.username).toBe("one");
  });

  it.each([
    ['credential-helpers = ["../bin/sh"]', ", line 1, column 1: credential-helpers: wanted names"],
    ['\ncredential-helpers = "one"', ", line 2, column 1: credential-helpers: wanted a list of strings"],
    ["credential-helpers", ", line 1, column "],
  ])("stops at %j", async (text, reason) => {
    await writeFile(join(programs.dir, "registries.conf"), text);
    const lookUp = source();
    const error: unknown = await lookUp("r.example").catch((cause: unknown) => cause);
    expect((error as Error).message).toContain(`registries.conf"${reason}`);
    expect(lookUp.stops?.(error)).toBe(true);
  });
});
