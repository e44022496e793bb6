import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LoadedScript, loadScript } from "../../src/cli/load-script.ts";

const MIB = 1024 * 1024;

const SCRIPT = `exports.name = __filename;
exports.join = require("node:path").join;
exports.add = (a, b) => {
  let sum = 0;
  for (const number of [a, b]) sum += number;
  return sum;
};`;

interface Exports {
  readonly name: string;
  readonly join: typeof join;
  readonly add: (a: number, b: number) => number;
}

let directory: string;
let folder: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-script-"));
  folder = join(directory, "cache", "compiled");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

function asScript(build: string, code: string): string {
  return `// ${build.repeat(64)}\n(function (exports, require, __filename) {\n${code}\n})\n`;
}

/** Loads the script of a build as a process of its own would: from one path, V8 would have what it has compiled before. */
async function load(
  build = "a",
  name = "pull",
  script = SCRIPT,
): Promise<LoadedScript & { readonly exports: Exports }> {
  const dist = await mkdtemp(join(directory, "dist-"));
  const file = join(dist, "program.cjs");
  await writeFile(file, asScript(build, script));
  await writeFile(join(dist, "part.cjs"), asScript("p", `exports.whole = require("./program.cjs");`));
  return loadScript(file, { folder, name }) as LoadedScript & { readonly exports: Exports };
}

async function kept(build = "a", name = "pull"): Promise<string> {
  const [found = ""] = (await readdir(folder)).filter((entry) => entry.startsWith(build));
  return join(folder, found, `${name}.program.cjs`);
}

/** Whether a start has left other code than was there. */
async function isRenewedBy(start: () => Promise<void>): Promise<boolean> {
  const before = await stat(await kept());
  await start();
  return (await stat(await kept())).ino !== before.ino;
}

async function start(): Promise<void> {
  const { exports, keep } = await load();
  expect(exports.add(1, 2)).toBe(3);
  keep();
}

describe("loadScript()", () => {
  it("runs a function of CommonJS", async () => {
    const { exports } = await load();
    expect(exports.name).toMatch(/dist-.*\/program\.cjs$/);
    expect(exports.join("a", "b")).toBe("a/b");
  });

  it("runs what it requires once, with code of its own", async () => {
    const { exports, keep } = await load(
      "a",
      "pull",
      `exports.parts = [require("./part.cjs"), require("./part.cjs")];`,
    );
    const { parts } = exports as unknown as {
      readonly parts: readonly [{ readonly whole: unknown }, unknown];
    };
    expect(parts[0]).toBe(parts[1]);
    expect(parts[0].whole).toBe(exports); // what requires one another in a ring sees what there is so far
    keep();
    expect(await readdir(join(await kept(), ".."))).toEqual(["pull.part.cjs", "pull.program.cjs"]);
  });

  it("gives back what it has read into, once others have had their turn", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const { exports } = await load();
    await setImmediate();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
    expect(exports.join("a", "b")).toBe("a/b");
  });

  it("keeps nothing unless it is asked to", async () => {
    await load();
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  it("keeps the functions that have been called", async () => {
    const [called, uncalled] = [await load("a", "pull"), await load("a", "push")];
    called.exports.add(1, 2);
    for (const { keep } of [called, uncalled]) keep();
    const [{ size }, { size: less }] = [
      await stat(await kept("a", "pull")),
      await stat(await kept("a", "push")),
    ];
    expect(size).toBeGreaterThan(less);
  });

  it("takes what an earlier start has kept, and leaves it as it is", async () => {
    await start();
    expect(await isRenewedBy(start)).toBe(false);
  });

  it("keeps it anew after a day", async () => {
    await start();
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(await kept(), yesterday, yesterday);
    expect(await isRenewedBy(start)).toBe(true);
  });

  it("keeps nothing of a long run, in which V8 drops what it has compiled", async () => {
    const { keep } = await load();
    const now = performance.now();
    vi.spyOn(performance, "now").mockReturnValue(now + 60_000);
    keep();
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  it.each([
    ["nothing", () => Buffer.alloc(0)],
    ["something else", () => Buffer.from("something else")],
    ["a half", (code: Buffer) => code.subarray(0, code.length >> 1)],
  ])("runs without what was kept when that is %s, and keeps it anew", async (_, changed) => {
    await start();
    await writeFile(await kept(), changed(await readFile(await kept())));
    expect(await isRenewedBy(start)).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)("does not run what somebody else has kept", async () => {
    await start();
    await chown(await kept(), 65_534, 65_534);
    expect(await isRenewedBy(start)).toBe(true);
  });

  it("lets nobody else write what it will run", async () => {
    await start();
    expect((await stat(await kept())).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it("keeps what the last four builds have compiled, and nothing that anybody else has left there", async () => {
    await mkdir(join(folder, "v24.0.0-x64-1234", "deep"), { recursive: true });
    const long = new Date(Date.now() - 1_000_000_000);
    await utimes(join(folder, "v24.0.0-x64-1234"), long, long);
    for (const [age, build] of ["f", "e", "d", "c", "b", "a"].entries()) {
      (await load(build)).keep();
      const time = new Date(Date.now() - 1_000_000 + age * 1_000);
      await utimes(join(await kept(build), ".."), time, time);
    }
    const builds = (await readdir(folder)).map((name) => name.slice(0, 16)).toSorted();
    expect(builds).toEqual(["a", "b", "c", "d"].map((build) => build.repeat(16)));
  });

  it("leaves no other files", async () => {
    await start();
    expect(await readdir(join(await kept(), ".."))).toEqual(["pull.program.cjs"]);
  });

  it("goes on where nothing can be kept", async () => {
    await mkdir(join(directory, "cache"));
    await writeFile(folder, "not a folder");
    await start();
    expect(await readFile(folder, "utf8")).toBe("not a folder");
  });

  it.runIf(process.platform === "linux")("ends where no folder can be made", async () => {
    folder = "/proc/none/compiled";
    await start();
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  it("throws what the script throws", async () => {
    const file = join(directory, "broken.cjs");
    await writeFile(file, `// ${"f".repeat(64)}\n(function () {\nthrow new Error("broken");\n})\n`);
    expect(() => loadScript(file, { folder, name: "pull" })).toThrow("broken");
  });
});
