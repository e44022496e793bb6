import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDrayageError } from "../../../src/errors/drayage-error.ts";
import { MAX_TEXT_BYTES, readText } from "../../../src/registry/files/read-text.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-text-"));
  path = join(folder, "a.conf");
});

afterEach(() => rm(folder, { recursive: true }));

async function refusal(options = {}): Promise<string> {
  const error: unknown = await readText(path, options).catch((cause: unknown) => cause);
  expect(isDrayageError(error)).toBe(true);
  const { message } = error as Error;
  expect(message).toContain(`"${path}"`);
  return message;
}

describe("readText()", () => {
  it.each([
    ["", ""],
    ["\uFEFFtext", "text"],
    ["é\r\n", "é\r\n"],
    ["a\0b", "a\0b"],
  ])("reads %j as %j", async (written, text) => {
    await writeFile(path, written);
    expect(await readText(path)).toBe(text);
  });

  it("has nothing to read where there is no file, and an empty text for the null device", async () => {
    expect(await readText(path)).toBeUndefined();
    expect(await readText("/dev/null")).toBe("");
    await symlink("/dev/null", path);
    expect(await readText(path)).toBe("");
  });

  it("reads as much as is allowed", async () => {
    await writeFile(path, Buffer.alloc(MAX_TEXT_BYTES));
    expect(await readText(path)).toHaveLength(MAX_TEXT_BYTES);
  });

  it.each<[name: string, make: () => Promise<unknown>, reason: string]>([
    ["a byte too many", () => writeFile(path, Buffer.alloc(MAX_TEXT_BYTES + 1)), "more than 1048576 bytes"],
    ["a terabyte of nothing", () => writeFile(path, "").then(() => truncate(path, 2 ** 40)), "more than"],
    ["Latin-1", () => writeFile(path, "é", "latin1"), "not UTF-8"],
    ["UTF-16", () => writeFile(path, "\uFEFFa", "utf16le"), "not UTF-8"],
    ["a directory", () => mkdir(path), "not a regular file"],
    ["a pipe", async () => execFileSync("mkfifo", [path]), "not a regular file"],
    ["a link to itself", () => symlink("a.conf", path), "too many symbolic links"],
    ["a link to nowhere", () => symlink("nowhere", path), "a link that leads nowhere"],
    ["an endless device", () => symlink("/dev/zero", path), "not a regular file"],
  ])("refuses %s", async (_, make, reason) => {
    await make();
    expect(await refusal()).toContain(reason);
  });

  it("refuses a socket, and a file below a file", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await refusal()).toContain("no such device or address");
    await new Promise((resolve) => server.close(resolve));
    await writeFile(path, "");
    await expect(readText(join(path, "b"))).rejects.toThrow("not a directory");
  });
});

describe("readText() of a pipe", () => {
  beforeEach(() => execFileSync("mkfifo", [path]));

  it("reads what is written until it ends", async () => {
    const writer = await open(path, "r+");
    const text = readText(path, { pipes: true });
    await writer.write("in ");
    await writer.write("parts");
    await writer.close();
    expect(await text).toBe("in parts");
  });

  it("has nothing where nobody writes", async () => {
    expect(await readText(path, { pipes: true })).toBe("");
  });

  it("ends with its signal although the writer stays silent", async () => {
    const writer = await open(path, "r+");
    const controller = new AbortController();
    const text = readText(path, { pipes: true, signal: controller.signal });
    controller.abort();
    await expect(text).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await writer.close();
  });

  it("refuses one that has no end", async () => {
    const writer = await open(path, "r+");
    const refused = expect(readText(path, { pipes: true })).rejects.toThrow("more than 1048576 bytes");
    await writer.write(Buffer.alloc(MAX_TEXT_BYTES + 1)).catch(() => {});
    await refused;
    await writer.close();
  });
});
