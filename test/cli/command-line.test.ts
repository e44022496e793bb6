import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeBlob } from "../../src/content.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { damage } from "../content/support/damage.ts";
import { type Engine, openEngine } from "../distribution/support/engine.ts";
import { TOP } from "../docs/support/documents.ts";

/** More than a pipe and the streams on both ends of it hold, in bytes. */
const MORE_THAN_A_PIPE = 8_000_000;

let engine: Engine;
let registry: TestRegistry;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

function start(command: string, ...args: readonly string[]): ChildProcess {
  const { PATH = "" } = process.env;
  const main = join(TOP, "src", "cli", "main.ts");
  const words = [...command.split(" "), ...args];
  return spawn(process.execPath, ["--no-warnings", main, ...words], {
    env: { PATH, HOME: engine.root, DRAYAGE_ROOT: engine.root },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function endOf(child: ChildProcess) {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new TypeError("the child has no pipes");
  const ended = once(child, "close");
  const [[status], out, err] = await Promise.all([ended, stdout.destroyed ? "" : text(stdout), text(stderr)]);
  return { status: status as unknown, stdout: out, stderr: err };
}

async function run(command: string, ...args: readonly string[]) {
  return await endOf(start(command, ...args));
}

async function storeBytes(bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes);
  await writeBlob(engine.content, digest, bytes, { digest, size: bytes.byteLength });
  return digest;
}

async function pulled(tag: string): Promise<string> {
  await buildImage(registry, "app", { tag, layers: [Buffer.from(tag)] });
  const name = `${registry.host}/app:${tag}`;
  await engine.pull(name);
  return name;
}

describe("a command that is interrupted", () => {
  it("ends with 130 although nobody reads what it writes", async () => {
    const child = start("content get", await storeBytes(Buffer.alloc(MORE_THAN_A_PIPE)));
    await once(child.stdout ?? child, "readable");
    child.kill("SIGINT");
    const [status] = await once(child, "exit");
    expect(status).toBe(130);
  });
});

describe("a command whose reader leaves", () => {
  it.each(["content get", "content ls"])("ends without a word: %s", async (command) => {
    const digest = await storeBytes(Buffer.alloc(MORE_THAN_A_PIPE));
    const child = start(command, ...(command === "content get" ? [digest] : []));
    child.stdout?.destroy();
    expect(await endOf(child)).toEqual({ status: 141, stdout: "", stderr: "" });
  });

  it("ends a pull as well", async () => {
    const { layers } = await buildImage(registry, "app", { tag: "v1", layers: [MORE_THAN_A_PIPE] });
    const digest = layers[0]?.descriptor.digest;
    const release = Promise.withResolvers<void>();
    registry.fault({ kind: "blob", ...(digest && { digest }) }, { hold: release.promise });
    const child = start("pull --plain-http --platform linux/amd64", `${registry.host}/app:v1`);
    await once(child.stdout ?? child, "data");
    child.stdout?.destroy();
    release.resolve();
    expect(await endOf(child)).toMatchObject({ status: 141, stderr: "" });
  });
});

describe("a command with several arguments", () => {
  it("does for the others what it cannot do for one", async () => {
    const [one, two] = [await pulled("one"), await pulled("two")];
    const { status, stdout, stderr } = await run("rmi", one, "none:v1", "Not:A:Name", two);
    expect(status).toBe(1);
    expect(stdout.match(/^Untagged: .*$/gm)).toEqual([`Untagged: ${one}`, `Untagged: ${two}`]);
    expect(stderr.match(/^drayage: .*$/gm)).toHaveLength(2);
    expect(stderr).toMatch(/none:v1: not found/);
  });

  it("does so for blobs", async () => {
    const digest = await storeBytes(Buffer.from("blob"));
    const { status, stdout, stderr } = await run("content rm", "sha256:none", digest);
    expect([status, stdout]).toEqual([1, `${digest}\n`]);
    expect(stderr).toMatch(/^drayage: [^\n]+\n$/);
  });
});

describe("names", () => {
  it("are shown in one form", async () => {
    await pulled("one");
    const [image] = await engine.images.list();
    if (image) await engine.images.tag("docker.io/library/again:v1", image.target);
    const listed = await run("images");
    const removed = await run("rmi", "again:v1");
    expect(listed.stdout).toMatch(/^again:v1 /m);
    expect(removed.stdout).toMatch(/^Untagged: again:v1$/m);
  });
});

describe("help", () => {
  it("of push has the options of pushes, and not those of pulls", async () => {
    const { stdout } = await run("push --help");
    expect(stdout).toContain("--max-concurrent-uploads");
    expect(stdout).not.toMatch(/--mirror|--max-concurrent-downloads|--all-platforms/);
  });

  it("of pull has no options of pushes", async () => {
    expect((await run("pull --help")).stdout).not.toContain("--max-concurrent-uploads");
  });
});

describe("arguments that cannot be", () => {
  it.each([
    ["push --max-concurrent-uploads many", "app"],
    ["content ingest --expected-size some", "ref"],
    ["push --max-concurrent-downloads 3", "app"],
  ])("end with status 2: %s", async (command, argument) => {
    const { status, stderr } = await run(command, argument);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: /);
  });
});

describe("text by strangers", () => {
  it("reaches the terminal escaped", async () => {
    const digest = await storeBytes(Buffer.from("blob"));
    await engine.content.update({ digest: digest as never, labels: { x: "a\u001b[2J\u202eb\n" } });
    const listed = await run("content ls");
    const labels = await run("content label", digest);
    expect(listed.stdout).toContain("x=a\\x1b[2J\\u202eb\\n");
    expect(labels.stdout).toBe("x=a\\x1b[2J\\u202eb\\n\n");
  });

  it("stays one line in an error", async () => {
    registry.fault({ kind: "manifest" }, { status: 400, headers: { "content-type": "a\u009b31m\u0085b" } });
    const { status, stderr } = await run("pull --plain-http", `${registry.host}/app:v1`);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^drayage: [ -~\u00a0-\u{10ffff}]+\n$/u);
  });
});

describe("files of an image", () => {
  it("are listed and extracted by their paths", async () => {
    const name = await pulled("hello");
    expect((await run("ls", name)).stdout).toBe("/layer-0\n");
    expect((await run("ls -l", name, "layer-0")).stdout).toMatch(
      /^-rw-r--r-- 0\/0 +5 1970-01-01 00:00 \/layer-0\n$/,
    );
    expect(JSON.parse((await run("ls --json", name)).stdout)).toMatchObject({ path: "/layer-0", size: 5 });
    const target = join(engine.root, "files");
    expect(await run("extract -q", name, target, "/layer-0")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await readFile(join(target, "layer-0"), "utf8")).toBe("hello");
    const { status, stderr } = await run("extract -q", name, `${target}-2`, "/none");
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'drayage: read image: "/none" is not there\n' });
  });
});

describe("docker's configuration", () => {
  it("that cannot be read is told once, and stops no public image", async () => {
    await writeFile(join(engine.root, "config.json"), JSON.stringify({ credsStore: "not-installed" }));
    await using asking = await TestRegistry.start({ auth: { bearer: {} } });
    await buildImage(asking, "app", { tag: "v1", layers: [Buffer.from("one"), Buffer.from("two")] });
    const command = `pull --plain-http --config ${engine.root}`;
    const { status, stderr } = await run(command, `${asking.host}/app:v1`);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^drayage: warning: no credentials for [^\n]*credential-not-installed[^\n]*\n$/);
  });
});

describe("a check", () => {
  it("ends with 1 while damage remains, and with 0 when nothing is wrong or all is repaired", async () => {
    const name = await pulled("one");
    expect(await run("check")).toMatchObject({ status: 0, stderr: "" });
    const { target } = await engine.images.get(name);
    await damage(engine.root, target.digest, "flipped");
    const found = await run("check --json");
    expect(found).toMatchObject({ status: 1, stderr: "drayage: 1 damaged or missing\n" });
    expect(JSON.parse(found.stdout)).toMatchObject({ whole: false, damage: [{ digest: target.digest }] });
    const repaired = await run("check --repair --plain-http");
    expect(repaired).toMatchObject({ status: 0, stderr: "" });
    expect(repaired.stdout).toContain("repaired");
  });

  it("names what is wrong with unpacked layers", async () => {
    const name = await pulled("one");
    expect((await run(`rootfs --mounts ${name}`)).status).toBe(0);
    const layers = join(engine.root, "layers", "sha256");
    const [hex = ""] = await readdir(layers);
    await rm(join(layers, hex, "layer.json"));
    const found = await run("check");
    expect(found).toMatchObject({ status: 1, stderr: "drayage: 1 damaged or missing\n" });
    expect(found.stdout).toMatch(
      new RegExp(`sha256:${hex} +layer.json: missing or damaged +not repaired +${name}`),
    );
    expect(found.stdout).toContain("Checked 1 layers, 1 damaged or missing");
    const repaired = await run("check --repair --plain-http --json");
    expect(repaired.status).toBe(0);
    expect(JSON.parse(repaired.stdout)).toMatchObject({
      whole: true,
      layers: { damage: [{ repaired: true }] },
    });
  });
});
