import { execFile } from "node:child_process";
import { chmod, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors.ts";
import { openDistribution } from "../../src/index.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";

const run = promisify(execFile);

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "drayage-mode-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe("a data root that is made", () => {
  it("is its owner's alone", async () => {
    const root = join(parent, "data");
    await using _ = await openDistribution({ root });
    expect(await modeOf(root)).toBe(0o700);
  });

  it("can be opened to readers, who cannot get at its locks", async () => {
    const root = join(parent, "data");
    await using _ = await openDistribution({ root, mode: 0o755 });
    expect(await modeOf(root)).toBe(0o755);
    expect(await modeOf(join(root, "locks"))).toBe(0o700);
  });

  it("is refused with a mode that is none", async () => {
    await expect(openDistribution({ root: parent, mode: 0o1777 })).rejects.toThrow(ErrInvalidArgument);
  });

  it("keeps the mode that it has", async () => {
    await chmod(parent, 0o755);
    await using _ = await openDistribution({ root: parent });
    expect(await modeOf(parent)).toBe(0o755);
  });
});

describe("a data root under Node's permission model", () => {
  it("takes content", async () => {
    const source = JSON.stringify(join(import.meta.dirname, "../../src/content.ts"));
    const code = `
      import { openLocalStore } from ${source};
      await using store = await openLocalStore({ root: ${JSON.stringify(parent)} });
      const writer = await store.writer({ ref: "r" });
      await writer.write(Buffer.from("content"));
      console.log(await writer.commit({ labels: { a: "b" } }));`;
    const grants = ["--allow-fs-read=*", `--allow-fs-write=${parent}`, `--allow-fs-write=${parent}/*`];
    const flags = ["--permission", ...grants, "--disable-warning=ExperimentalWarning", "--input-type=module"];
    const { stdout } = await run(process.execPath, [...flags, "-e", code]);
    expect(stdout).toMatch(/^sha256:/);
  });
});

/** Somebody else; only root can become him. */
const NOBODY = 65_534;

describe.skipIf(process.getuid?.() !== 0)("a data root that somebody else may read", () => {
  it("can be read by him while its owner works, and gives him nothing to stop the owner with", async () => {
    await chmod(parent, 0o755);
    const root = join(parent, "data");
    await using registry = await TestRegistry.start();
    await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
    const name = `${registry.host}/app:v1`;
    await using owner = await openDistribution({ root, mode: 0o755, registry: { plainHttp: true } });
    const { images } = await owner.pull(name);
    const digest = images[0]?.target.digest ?? "";
    const reader = await asSomebodyElse(async () => {
      await using distribution = await openDistribution({ root });
      const { labels } = await distribution.content.info(digest as never);
      await distribution.export(name, new PassThrough().resume());
      const locked = await open(join(root, "locks", "index")).catch((error: unknown) => error);
      return { names: (await distribution.images.list()).length, labels, locked };
    });
    expect(reader).toMatchObject({ names: 1, locked: { code: "EACCES" } });
    expect(Object.keys(reader.labels)).not.toEqual([]);
    await owner.tag(name, "copy:v1");
  });
});

/** Runs work with the rights of another user of the machine. */
async function asSomebodyElse<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
