import { execFileSync } from "node:child_process";
import { mkdtemp, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigurationFiles } from "../../../src/registry/files/configuration-files.ts";
import { FakeClock } from "../support/fake-clock.ts";

let folder: string;
let files: ConfigurationFiles;
/** The file system's clock is the machine's. */
let clock: FakeClock;
let path: string;
let parsed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-files-"));
  clock = new FakeClock(Date.now() + 60_000);
  files = new ConfigurationFiles(clock);
  path = join(folder, "a.conf");
  parsed = [];
});

afterEach(() => rm(folder, { recursive: true }));

async function read(): Promise<string | undefined> {
  return await files.read(path, (text) => {
    parsed.push(text);
    return text;
  });
}

async function refuse(): Promise<never> {
  throw new Error("bad");
}

describe("ConfigurationFiles.read()", () => {
  it("parses a file once as long as it stays as it is", async () => {
    await writeFile(path, "one");
    expect(await read()).toBe("one");
    expect(await read()).toBe("one");
    expect(parsed).toEqual(["one"]);
  });

  it("parses it again when it was written, replaced by one of the same size, or had gone meanwhile", async () => {
    await writeFile(path, "one");
    await read();
    await writeFile(path, "two!");
    expect(await read()).toBe("two!");
    await writeFile(`${path}.new`, "tri!");
    await rename(`${path}.new`, path);
    expect(await read()).toBe("tri!");
    await rm(path);
    expect(await read()).toBeUndefined();
    await writeFile(path, "four");
    expect(await read()).toBe("four");
  });

  it("keeps nothing of a file that cannot be parsed", async () => {
    await writeFile(path, "one");
    await expect(files.read(path, refuse)).rejects.toThrow("bad");
    await expect(files.read(path, refuse)).rejects.toThrow("bad");
    expect(await read()).toBe("one");
  });

  it("sees a change in place of the same size, however soon after the one before", async () => {
    clock.set(Date.now());
    for (let round = 0; round < 50; round++) {
      const text = String(round % 10);
      await writeFile(path, text);
      expect(await read()).toBe(text);
    }
  });

  it("reads a pipe once, where it may be one", async () => {
    execFileSync("mkfifo", [path]);
    const writer = await open(path, "r+"); // before anybody reads: a pipe without a writer has ended
    const pipes = { pipes: true };
    const read = files.read(path, (text) => text, pipes);
    await writer.write("piped");
    await writer.close();
    expect(await read).toBe("piped");
    expect(await files.read(path, (text) => text, pipes)).toBe("piped");
  });
});

describe("ConfigurationFiles.hasDirectory()", () => {
  it("tells a directory from nothing, and refuses anything else", async () => {
    expect(await files.hasDirectory(folder)).toBe(true);
    expect(await files.hasDirectory(path)).toBe(false);
    await writeFile(path, "");
    await expect(files.hasDirectory(path)).rejects.toThrow(`look for directory "${path}": not a directory`);
    await expect(files.hasDirectory(join(path, "below"))).rejects.toThrow("not a directory");
  });

  it("takes a link that leads nowhere for a mistake", async () => {
    await symlink("nowhere", path);
    await expect(files.hasDirectory(path)).rejects.toThrow(`"${path}": a link that leads nowhere`);
  });
});
