import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { program } from "../../rolldown.config.ts";
import { buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { TOP } from "../docs/support/documents.ts";

/** Runs the script that is its first argument as dist/cli/main.js does, with the arguments behind it. */
const STARTER = `import { loadScript } from ${JSON.stringify(join(TOP, "src/cli/load-script.ts"))};
const [script, folder, ...words] = process.argv.slice(1);
const { exports, keep } = loadScript(script, { folder, name: words[0] });
process.exitCode = await exports.main(["node", "drayage", ...words]);
keep();
if (process.env.LOADED) process.stderr.write(process.moduleLoadList.join());`;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

let directory: string;
let registry: TestRegistry;

/** Once for all: what is built here is read only. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-program-"));
  registry = await TestRegistry.start();
  await copyFile(join(TOP, "package.json"), join(directory, "package.json"));
  await symlink(join(TOP, "node_modules"), join(directory, "node_modules"));
  const dir = join(directory, "dist", "cli");
  await build({
    ...program,
    input: { program: join(TOP, "src/cli/program.ts") },
    output: { ...program.output, dir },
  });
});

afterAll(async () => {
  await registry.close();
  await rm(directory, { recursive: true });
});

async function drayage(...words: readonly string[]): Promise<Output> {
  return await drayageIn({}, ...words);
}

async function drayageIn(env: NodeJS.ProcessEnv, ...words: readonly string[]): Promise<Output> {
  const script = join(directory, "dist", "cli", "program.cjs");
  const starter = ["--no-warnings", "--input-type=module", "-e", STARTER];
  return await promisify(execFile)(
    process.execPath,
    [...starter, script, join(directory, "kept"), ...words],
    {
      env: { HOME: directory, DRAYAGE_ROOT: join(directory, "root"), COLUMNS: "80", ...env },
    },
  );
}

/** Hands on to the registry what it is asked by HTTP/2. */
async function handOn(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  const { accept = "*/*" } = request.headers;
  const answer = await fetch(registry.url + request.url, { method: request.method, headers: { accept } });
  const { "content-type": type, "docker-content-digest": digest } = Object.fromEntries(answer.headers);
  response.writeHead(answer.status, {
    ...(type !== undefined && { "content-type": type }),
    ...(digest !== undefined && { "docker-content-digest": digest }),
  });
  response.end(await answer.bytes());
}

describe("the program as the build makes it", () => {
  it.each([["--version"], ["--help"], ["images"]])(
    "runs with what an earlier run has compiled: %s",
    async (words) => {
      const { stdout } = await drayage(words);
      expect(stdout).not.toBe("");
      expect(await drayage(words)).toEqual({ stdout, stderr: "" });
    },
  );

  it("pulls and logs", async () => {
    const { descriptor } = await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
    const name = `${registry.host}/app:v1`;
    const { stdout, stderr } = await drayage("pull", "-q", "--log-level", "debug", name);
    expect(stdout).toBe(`${name}@${descriptor.digest}\n`);
    expect(stderr).toContain('"level":');
    expect((await drayage("images")).stdout).toContain(name);
  });

  it("loads nothing of Node.js that a pull over HTTP does not need", async () => {
    await buildImage(registry, "plain", { tag: "v1", layers: [1_000] });
    const name = `${registry.host}/plain:v1`;
    const { stderr } = await drayageIn({ LOADED: "1" }, "pull", "-q", "--plain-http", name);
    const loaded = stderr
      .split(",")
      .filter((name) => /^NativeModule (?:net|tls|http2?|zlib|dns\/promises)$/.test(name));
    expect(loaded).toEqual(["NativeModule net"]);
  });

  it("pulls where the processor has no SIMD", async () => {
    const { descriptor } = await buildImage(registry, "simple", { tag: "v1", layers: [1_000] });
    const name = `${registry.host}/simple:v1`;
    const { stdout } = await drayageIn({ UNDICI_NO_WASM_SIMD: "1" }, "pull", "-q", name);
    expect(stdout).toBe(`${name}@${descriptor.digest}\n`);
  });

  it("pulls from a registry that speaks nothing but HTTP/2", async () => {
    const { descriptor } = await buildImage(registry, "modern", { tag: "v1", layers: [100_000] });
    const server = createSecureServer({ ...selfSigned(), allowHTTP1: false }, (request, response) => {
      void handOn(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const name = `127.0.0.1:${(server.address() as AddressInfo).port}/modern:v1`;
    const { stdout } = await drayage("pull", "-q", "--insecure", name);
    server.close();
    expect(stdout).toBe(`${name}@${descriptor.digest}\n`);
  });

  it("has the licences of what is in it beside it", async () => {
    expect(await readdir(join(directory, "dist", "cli"))).toContain("program-licences.txt");
  });
});
