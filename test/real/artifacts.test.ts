import { createHash } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Distribution, openDistribution } from "../../src/index.ts";
import { until } from "../distribution/support/until.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput, startDrayage } from "./support/drayage.ts";
import { pseudoRandom } from "./support/pseudo-random.ts";
import { runPart } from "./support/run-part.ts";
import { skopeoCopy } from "./support/skopeo.ts";
import { type Stage, startStage } from "./support/stage.ts";

const TYPE = "application/vnd.example.thing";

/** Bytes of the file whose fetch is killed: some seconds at the rate that it may have. */
const KILLED_BYTES = 4_000_000;

let stage: Stage;
let distribution: Distribution;
const bytes = (seed: string, length: number): Buffer => Buffer.concat([...pseudoRandom(seed, length)]);
const newFolder = (): Promise<string> => mkdtemp(join(stage.folder, "files-"));

async function open(): Promise<void> {
  stage = await startStage();
  distribution = await openDistribution({ root: await stage.newRoot(), registry: { plainHttp: true } });
}

async function close(): Promise<void> {
  await distribution.close();
  await stage.close();
}

/** Everything below a directory: permissions and contents of files, and where links lead. */
async function treeOf(directory: string): Promise<Readonly<Record<string, string>>> {
  const tree: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    tree[relative(directory, path)] = entry.isSymbolicLink()
      ? await readlink(path)
      : `${((await lstat(path)).mode & 0o777).toString(8)} ${entry.isFile() ? await digestOf(path) : "directory"}`;
  }
  return tree;
}

async function digestOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

async function oras(folder: string, ...args: readonly string[]): Promise<string> {
  const [verb = "", ...rest] = args;
  return (await runPart("oras", [verb, "--plain-http", ...rest], { cwd: folder })).stdout;
}

describeReal("artifacts at a real registry", ["docker-registry", "skopeo"], () => {
  beforeAll(open);
  afterAll(close);

  it("are what skopeo carries elsewhere, and come back as they were", async () => {
    const folder = await newFolder();
    await writeFile(join(folder, "a.bin"), bytes("a", 1_500_000));
    await writeFile(join(folder, "b.txt"), "");
    const files = ["a.bin", "b.txt"].map((title) => ({ path: join(folder, title), title: `sub/${title}` }));
    const name = stage.nameOf("artifacts/carried");
    const { target } = await distribution.pushArtifact(name, { files, artifactType: TYPE });
    const copied = stage.nameOf("artifacts/copied");
    await skopeoCopy(`docker://${name}`, `oci:${join(stage.folder, "layout-2")}:x`);
    expect(await skopeoCopy(`oci:${join(stage.folder, "layout-2")}:x`, `docker://${copied}`)).toBe(
      target.digest,
    );
    const into = await newFolder();
    await distribution.fetchArtifact(copied, into);
    expect(await treeOf(join(into, "sub"))).toEqual(await treeOf(folder));
  });

  it("are one when two processes push the same at the same time", async () => {
    const path = join(await newFolder(), "same.bin");
    await writeFile(path, bytes("same", 3_000_000));
    const name = stage.nameOf("artifacts/same");
    const push = async (): Promise<string> => {
      const args = ["--plain-http", "-q", "--root", await stage.newRoot(), "--artifact-type", TYPE];
      return await drayageOutput(["push-artifact", ...args, name, path]);
    };
    const [first, second] = await Promise.all([push(), push()]);
    expect(first).toBe(second);
    const into = await newFolder();
    await distribution.fetchArtifact(name, into);
    expect(await digestOf(join(into, "same.bin"))).toBe(await digestOf(path));
  });

  it("are gone on with where a process was killed", async () => {
    const path = join(await newFolder(), "large.bin");
    await writeFile(path, bytes("large", KILLED_BYTES));
    const name = stage.nameOf("artifacts/killed");
    await distribution.pushArtifact(name, { files: [{ path }], artifactType: TYPE });
    const into = await newFolder();
    const args = ["fetch-artifact", "--plain-http", "-q", "--root", await stage.newRoot(), name, into];
    const killed = startDrayage([...args, "--limit-rate", "1M"]);
    const sizeOf = async (): Promise<number> => {
      const [partial] = (await readdir(into)).filter((one) => one.endsWith(".partial"));
      return partial === undefined ? 0 : (await lstat(join(into, partial))).size;
    };
    await until(async () => (await sizeOf()) > 300_000);
    killed.kill("SIGKILL");
    await killed.done;
    expect(await readdir(into)).not.toContain("large.bin");
    const before = await sizeOf();
    await drayageOutput(args);
    expect(await digestOf(join(into, "large.bin"))).toBe(await digestOf(path));
    expect(await readdir(into)).toEqual(["large.bin"]);
    const log = await stage.registry.accessLog();
    const gets = log.filter(
      ({ method, path: asked }) => method === "GET" && asked.includes("/killed/blobs/"),
    );
    expect(gets.at(-1)?.bytes).toBe(KILLED_BYTES - before);
  });
});

describeReal("artifacts and oras", ["docker-registry", "oras"], () => {
  beforeAll(open);
  afterAll(close);

  it("make the same files and directories of what oras has pushed", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "d", "sub"), { recursive: true });
    await writeFile(join(folder, "a.bin"), bytes("b", 700_000));
    await writeFile(join(folder, "d", "sub", "run"), "#!/bin/sh\n", { mode: 0o755 });
    await symlink("sub/run", join(folder, "d", "link"));
    const name = stage.nameOf("artifacts/oras");
    await oras(folder, "push", "--artifact-type", TYPE, name, "a.bin:application/x", "d");
    const [ours, theirs] = [await newFolder(), await newFolder()];
    const { files } = await distribution.fetchArtifact(name, ours);
    await oras(theirs, "pull", name);
    expect(await treeOf(ours)).toEqual(await treeOf(theirs));
    expect(await treeOf(ours)).toEqual(await treeOf(folder));
    expect(files).toMatchObject([{ title: "a.bin", mediaType: "application/x" }, { isDirectory: true }]);
    await distribution.pull(name);
    const here = join(await newFolder(), "new");
    await distribution.extract(name, here);
    expect(await treeOf(here)).toEqual(await treeOf(folder));
  });

  it("are pulled by oras, and found by what they are about", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "sub", "a.bin"), bytes("c", 700_000));
    const repository = stage.nameOf("artifacts/ours").replace(/:v1$/, "");
    const files = [{ path: join(folder, "sub", "a.bin"), title: "sub/a.bin" }];
    const about = await distribution.pushArtifact(`${repository}:v1`, { files, artifactType: TYPE });
    const theirs = await newFolder();
    await oras(theirs, "pull", `${repository}:v1`);
    expect(await treeOf(theirs)).toEqual(await treeOf(folder));
    const note = { artifactType: "text/note", annotations: { by: "us" }, subject: `${repository}:v1` };
    const { target } = await distribution.pushArtifact(repository, note);
    const found = await oras(folder, "discover", "--format", "json", `${repository}@${about.target.digest}`);
    expect(found).toContain(target.digest);
  });
});
