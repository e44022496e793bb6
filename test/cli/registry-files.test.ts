import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, type KeyAndCertificate, selfSigned, TestRegistry } from "../../src/testing.ts";
import { type Engine, openEngine } from "../distribution/support/engine.ts";
import { TOP } from "../docs/support/documents.ts";
import { runNode } from "../docs/support/run-program.ts";

/** How long one command may take, in milliseconds. */
const COMMAND_LIMIT_MS = 30_000;

const NAME = "registry.test/app:v1";

/** A data root, which is the home of whoever calls as well. */
let engine: Engine;
/** Nobody trusts it that was not told to. */
let mirror: TestRegistry;
let tls: KeyAndCertificate;

beforeEach(async () => {
  tls = selfSigned();
  mirror = await TestRegistry.start({ tls });
  await buildImage(mirror, "app", { tag: "v1", layers: [1_000] });
  engine = await openEngine();
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await mirror.close();
});

async function file(path: string, content: string): Promise<string> {
  const full = join(engine.root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
  return full;
}

async function pull(...args: readonly string[]) {
  const { PATH = "" } = process.env;
  const main = join(TOP, "src", "cli", "main.ts");
  const words = ["--no-warnings", main, "pull", "--quiet", ...args];
  const env = { PATH, HOME: engine.root, DRAYAGE_ROOT: engine.root };
  return await runNode(words, { cwd: engine.root, env, limitMs: COMMAND_LIMIT_MS });
}

function hostsToml(): string {
  return `server = "${mirror.url}"\nca = "ca.pem"\n`;
}

describe("drayage pull", () => {
  it("reads the hosts.toml of its user", async () => {
    await file(".config/containerd/certs.d/registry.test/hosts.toml", hostsToml());
    await file(".config/containerd/certs.d/registry.test/ca.pem", tls.cert);
    expect(await pull(NAME)).toMatchObject({ status: 0, stdout: expect.stringContaining(`${NAME}@sha256:`) });
  });

  it("reads the directory that is named, and no other", async () => {
    await file(".config/containerd/certs.d/registry.test/hosts.toml", "not read");
    await file("hosts/registry.test/hosts.toml", hostsToml());
    await file("hosts/registry.test/ca.pem", tls.cert);
    expect(await pull(NAME, "--hosts-dir", join(engine.root, "hosts"))).toMatchObject({ status: 0 });
  });

  it("reads the registries.conf and the certificates that are named", async () => {
    const conf = `[[registry]]\nprefix = "registry.test"\nlocation = "${mirror.host}"\n`;
    const confFile = await file("registries.conf", conf);
    await file(`certs/${mirror.host}/ca.crt`, tls.cert);
    const named = ["--registries-conf", confFile, "--certs-dir", join(engine.root, "certs")];
    expect(await pull(NAME, ...named)).toMatchObject({ status: 0 });
  });

  it("trusts the authority that is named, for the registry", async () => {
    await file(".config/docker/daemon.json", "{}");
    const caFile = await file("ca.pem", tls.cert);
    expect(await pull(`${mirror.host}/app:v1`, "--ca-file", caFile)).toMatchObject({ status: 0 });
    const both = await file("client.pem", `${tls.cert}${tls.key}`);
    expect(await pull(`${mirror.host}/app:v1`, "--cert", both)).toMatchObject({ status: 0 });
  });

  it.each<[name: string, args: (path: string) => readonly string[], status: number, message: string]>([
    ["a directory that is not there", () => ["--hosts-dir", "/nowhere"], 2, "no such file or directory"],
    [
      "an authority that is not there",
      () => ["--ca-file", "/nowhere"],
      1,
      'read "/nowhere": no such file or directory',
    ],
    ["an authority that is none", (path) => ["--ca-file", path], 1, "got no PEM certificate, wanted one"],
    ["a key alone", (path) => ["--key", path], 1, "got no --cert"],
    ["no TOML", (path) => ["--registries-conf", path], 1, 'registries.conf", line 1, column '],
  ])("says what is wrong with %s", async (_, args, status, message) => {
    const path = await file("registries.conf", "hello\n");
    const outcome = await pull(NAME, ...args(path));
    expect(outcome.status).toBe(status);
    expect(outcome.stderr).toContain(message);
  });
});
