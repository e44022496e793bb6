import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDrayageError } from "../../../src/errors/drayage-error.ts";
import { lookupEndpoints } from "../../../src/registry/endpoints/lookup-endpoints.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-hostile-"));
});

afterEach(() => rm(folder, { recursive: true }));

async function lookUp(domain = "registry.test") {
  const options = {
    hostsDir: join(folder, "hosts"),
    certsDir: join(folder, "certs"),
    registriesConf: [join(folder, "registries.conf"), join(folder, "conf.d")],
    daemonConfig: join(folder, "daemon.json"),
  };
  return await lookupEndpoints({ domain, path: "app", tag: "v1" }, options, "pull");
}

/** Makes what stands in the place of a file. */
type Make = (path: string) => Promise<unknown>;

const HOSTILE: readonly (readonly [what: string, make: Make])[] = [
  ["a pipe", async (path) => execFileSync("mkfifo", [path])],
  ["a directory", (path) => mkdir(path)],
  ["100 MB", (path) => writeFile(path, "").then(() => truncate(path, 100_000_000))],
  ["Latin-1", (path) => writeFile(path, "# é", "latin1")],
  ["UTF-16", (path) => writeFile(path, "\uFEFF# a", "utf16le")],
  ["a NUL", (path) => writeFile(path, "a = 1\n\0")],
  ["a link to itself", (path) => symlink(path, path)],
  ["a link to nowhere", (path) => symlink("/nowhere/at/all", path)],
  ["random bytes", (path) => writeFile(path, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0x80, 0xff]))],
];

const PLACES = [
  "hosts/registry.test/hosts.toml",
  "hosts/_default/hosts.toml",
  "hosts/registry.test/ca.crt",
  "hosts/registry.test/client.cert",
  "certs/registry.test/ca.crt",
  "conf.d/1.conf",
  "daemon.json",
];

describe.each(PLACES)("lookupEndpoints() with %s", (place) => {
  it.each(HOSTILE)("that is %s refuses, and names it", async (_, make) => {
    const path = join(folder, place);
    await mkdir(dirname(path), { recursive: true });
    await make(path);
    const error: unknown = await lookUp().catch((cause: unknown) => cause);
    expect(isDrayageError(error)).toBe(true);
    expect((error as Error).message).toContain(`"${path}"`);
  });
});

describe("lookupEndpoints()", () => {
  it.each(["hosts", "hosts/registry.test", "hosts/_default", "certs/registry.test"])(
    "refuses a file where the directory %s should be",
    async (place) => {
      await mkdir(dirname(join(folder, place)), { recursive: true });
      await writeFile(join(folder, place), "");
      await expect(lookUp()).rejects.toThrow("not a directory");
    },
  );

  it.each([
    ["[::1]:5000", "[::1]_5000_"],
    ["[::1]:5000", "[::1]:5000"],
    ["[0:0::1]:5000", "[::1]_5000_"],
    ["registry.test:5000", "registry.test_5000_"],
    ["registry.test:5000", "registry.test:5000"],
    ["[::1]", "[::1]"],
  ])("finds %s in the directory %s", async (domain, name) => {
    await mkdir(join(folder, "hosts", name), { recursive: true });
    await writeFile(join(folder, "hosts", name, "hosts.toml"), '\uFEFFserver = "https://found.test"\n');
    expect((await lookUp(domain)).map(({ baseUrl }) => baseUrl)).toEqual(["https://found.test/v2"]);
  });
});
