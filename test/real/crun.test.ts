import { execFileSync, spawn } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Mounts } from "../../src/layer.ts";
import { TestRegistry } from "../../src/testing.ts";
import { canMount } from "../content/support/small-disk.ts";
import { MAPPED, outsideOf } from "../support/id-map.ts";
import type { WrittenEntry } from "../tar/support/tar-writer.ts";
import { describeReal } from "./support/describe-real.ts";
import { pushLayeredImage } from "./support/layered-image.ts";
import { runInRootfs } from "./support/run-in-rootfs.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const NOBODY = 65_534;

/** Who unpacks, and who runs the container then: whoever has no rights needs a user namespace for that. */
const IDENTITIES: Readonly<
  Record<string, { readonly unpacks: readonly string[]; readonly runs: readonly string[] }>
> = {
  root: { unpacks: [], runs: [] },
  "an unprivileged user": {
    unpacks: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"],
    runs: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "unshare", "-Urm"],
  },
  "root of a user namespace": {
    unpacks: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "unshare", "-Urm"],
    runs: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "unshare", "-Urm"],
  },
  "root of a user namespace with many identities": {
    unpacks: [...MAPPED, "unshare", "-m"],
    runs: [...MAPPED, "unshare", "-m"],
  },
};

/** Files of the image by the number of their owner: the last one is beyond what any user has in his namespace. */
const OWNERS = [0, 1, 1_000, 65_535, 65_536, 70_000];

let registry: TestRegistry;
let folder: string;
let image: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "drayage-crun-"));
  chmodSync(folder, 0o777);
  registry = await TestRegistry.start();
  image = await pushLayeredImage(registry, layersWithShell());
});

afterAll(async () => {
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The machine's own shell with its libraries, in a layer below two that add, replace and take away. */
function layersWithShell(): WrittenEntry[][] {
  const linked = [...execFileSync("ldd", ["/bin/sh"], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)];
  const files = ["/bin/sh", ...linked.map(([, path = ""]) => path)];
  const base = files.map((path) => ({ name: path.slice(1), mode: 0o755, content: readFileSync(path) }));
  return [
    [
      ...base,
      { name: "proc", flag: "5", mode: 0o755 },
      { name: "dev", flag: "5", mode: 0o755 },
      { name: "sys", flag: "5", mode: 0o755 },
      { name: "old", content: "old" },
      { name: "d/below", content: "below" },
      { name: "word", content: "lower" },
      { name: "dev-null", flag: "3", major: 1, minor: 3, mode: 0o666 },
      ...OWNERS.map((id) => ({ name: `owned-by-${id}`, content: "", uid: id, gid: id })),
    ],
    [{ name: ".wh.old" }, { name: "d/.wh..wh..opq" }, { name: "d/above", content: "above" }],
    [
      { name: "word", content: "upper" },
      { name: "hello", mode: 0o755, content: "#!/bin/sh\necho hello $(read w < /word; echo $w)\n" },
    ],
  ];
}

/** Who owns a file of the image outside, by who unpacked it. */
function ownerOutside(name: string, id: number): number {
  if (name === "root") return id;
  return name.endsWith("many identities") && id <= 65_536 ? outsideOf(id) : NOBODY;
}

const SCRIPT = "/hello; for one in /old /d/below /d/above; do test -e $one && echo $one; done; true";
const WANTED = "hello upper\n/d/above\n";

async function drayage(identity: readonly string[], args: readonly string[]): Promise<string> {
  const [program = "", ...rest] = [...identity, process.execPath, "--no-warnings", MAIN, ...args];
  const child = spawn(program, rest, {
    env: { ...process.env, HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect([await ended, stderr], args.join(" ")).toEqual([0, expect.any(String)]);
  return stdout;
}

function place(name: string): string {
  const path = join(folder, name.replaceAll(" ", "-"));
  mkdirSync(path);
  chmodSync(path, 0o777);
  return path;
}

const isRoot = process.geteuid?.() === 0;

describeReal("crun runs a command in an image", ["crun"], () => {
  it.skipIf(!isRoot || !canMount).each(Object.entries(IDENTITIES))(
    "that %s pulled, unpacked and put together",
    { timeout: 60_000 },
    async (name, { unpacks, runs }) => {
      const above = place(name);
      const [root, rootfs] = [join(above, "root"), join(above, "rootfs")];
      await drayage(unpacks, ["pull", "--root", root, "--plain-http", "--unpack", "-q", image]);
      await drayage(unpacks, ["rootfs", "--root", root, "-q", image, rootfs]);
      const owners = OWNERS.map((id) => lstatSync(join(rootfs, `owned-by-${id}`)));
      expect(owners.map(({ uid, gid }) => [uid, gid])).toEqual(
        OWNERS.map((id) => [ownerOutside(name, id), ownerOutside(name, id)]),
      );
      const bundle = place(`${name} bundle`);
      expect(runInRootfs({ bundle, rootfs, args: ["/bin/sh", "-c", SCRIPT], identity: runs })).toBe(WANTED);
    },
  );

  it
    .skipIf(!isRoot || !canMount)
    .each(["root", "root of a user namespace", "root of a user namespace with many identities"])(
    "by the mounts that %s is told",
    { timeout: 60_000 },
    async (name) => {
      const { unpacks, runs } = IDENTITIES[name] ?? { unpacks: [], runs: [] };
      const above = place(`${name} mounts`);
      const [root, rootfs] = [join(above, "root"), place(`${name} rootfs`)];
      await drayage(unpacks, ["pull", "--root", root, "--plain-http", "--unpack", "-q", image]);
      const told = await drayage(unpacks, ["rootfs", "--root", root, "--mounts", image]);
      const { mounts } = JSON.parse(told) as Mounts;
      const [mount] = mounts;
      const options = mount?.options ?? [];
      expect(options.includes("userxattr")).toBe(name !== "root");
      const before = `mount -t ${mount?.type} ${mount?.source} -o ${options.join(",")} ${rootfs}`;
      const bundle = place(`${name} mounts bundle`);
      expect(runInRootfs({ bundle, rootfs, args: ["/bin/sh", "-c", SCRIPT], identity: runs, before })).toBe(
        WANTED,
      );
    },
  );
});
