import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isInvalidArgument } from "../../../src/errors/predicates.ts";
import {
  ConfigurationFiles,
  MAX_CONFIGURATION_BYTES,
} from "../../../src/registry/configuration/configuration-files.ts";

let folder: string;
let files: ConfigurationFiles;
let path: string;
let parsed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-files-"));
  files = new ConfigurationFiles();
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

  it("refuses what is too large, no regular file, or not UTF-8", async () => {
    await writeFile(path, Buffer.alloc(MAX_CONFIGURATION_BYTES));
    expect(await read()).toHaveLength(MAX_CONFIGURATION_BYTES);
    await writeFile(path, Buffer.alloc(MAX_CONFIGURATION_BYTES + 1));
    await expect(read()).rejects.toSatisfy(isInvalidArgument);
    await writeFile(path, Buffer.from([0xff, 0xfe]));
    await expect(read()).rejects.toThrow("not UTF-8");
    await rm(path);
    await mkdir(path);
    await expect(read()).rejects.toThrow("not a regular file");
  });
});
