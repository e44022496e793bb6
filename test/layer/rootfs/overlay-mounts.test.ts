import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrFailedPrecondition } from "../../../src/errors.ts";
import { type Mounts, overlayMounts } from "../../../src/layer/rootfs/overlay-mounts.ts";

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "drayage-mounts-"));
});

afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => join(base, "sha256", `${at}`.padStart(64, "0"), "fs"));

async function layersOf(count: number): Promise<string[]> {
  const layers = names(count);
  for (const [at, layer] of layers.entries()) {
    await mkdir(layer, { recursive: true });
    await writeFile(join(layer, "uppermost"), `${at}`);
    await writeFile(join(layer, `of-${at}`), "");
  }
  return layers;
}

function mountAt(target: string, { mounts: [mount], directory }: Mounts): void {
  const { type = "", source = "", options = [] } = mount ?? {};
  execFileSync("mount", ["-t", type, source, "-o", options.join(","), target], { cwd: directory });
}

describe("overlayMounts()", () => {
  it("shows a single layer by a read-only bind mount", async () => {
    const [layer = ""] = names(1);
    const bind = { type: "bind", source: layer, options: ["ro", "rbind"] };
    expect(await overlayMounts([layer], base)).toEqual({ mounts: [bind] });
  });

  it("stacks layers with the uppermost one first, and changes above them", async () => {
    const [upper, lower] = ["/layers/b/fs", "/layers/a/fs"];
    const writable = { upperDir: "/c/upper", workDir: "/c/work" };
    const { mounts } = await overlayMounts([upper, lower], base, { writable, userXattr: true });
    const options = [
      "upperdir=/c/upper",
      "workdir=/c/work",
      "lowerdir=/layers/b/fs:/layers/a/fs",
      "userxattr",
    ];
    expect(mounts).toEqual([{ type: "overlay", source: "overlay", options }]);
  });

  it("keeps what overlayfs would take for the end of a path", async () => {
    const { mounts } = await overlayMounts(["/a:b,c\\d", "/e"], base);
    expect(mounts[0]?.options).toEqual(["lowerdir=/a\\:b\\,c\\\\d:/e"]);
  });

  it("gives many layers short names, the same ones each time", async () => {
    const layers = await layersOf(130);
    const { mounts, directory } = await overlayMounts(layers, base);
    expect(directory).toBe(base);
    expect(mounts[0]?.options.join(",").length).toBeLessThan(4_096);
    expect(await overlayMounts(layers, base)).toEqual({ mounts, directory });
    expect(await readdir(join(base, "l"))).toHaveLength(130);
  });

  it("refuses more layers than the kernel stacks", async () => {
    await expect(overlayMounts(names(501), base)).rejects.toThrow(ErrFailedPrecondition);
  });

  it.runIf(process.getuid?.() === 0)("is what the kernel mounts, of 130 layers too", async () => {
    for (const count of [2, 130]) {
      const target = join(base, `shown-${count}`);
      await mkdir(target);
      mountAt(target, await overlayMounts(await layersOf(count), base));
      try {
        expect(await readFile(join(target, "uppermost"), "utf8")).toBe("0");
        expect(await readdir(target)).toHaveLength(count + 1);
      } finally {
        execFileSync("umount", [target]);
      }
    }
  });

  it.runIf(canUnshare())("is what it mounts in a user namespace, of 130 layers too", async () => {
    const { mounts, directory } = await overlayMounts(await layersOf(130), base, { userXattr: true });
    const target = join(base, "shown");
    await mkdir(target);
    const { type = "", source = "", options = [] } = mounts[0] ?? {};
    const script = 'mount -t "$1" "$2" -o "$3" "$4" && cat "$4/uppermost" && ls "$4" | wc -l';
    const args = [type, source, options.join(","), target];
    const shown = execFileSync("unshare", ["-Urm", "sh", "-c", script, "sh", ...args], { cwd: directory });
    expect(shown.toString()).toBe("0131\n");
  });
});

function canUnshare(): boolean {
  try {
    execFileSync("unshare", ["-Urm", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
