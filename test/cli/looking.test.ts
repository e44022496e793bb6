import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltImage, buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { drayage, drayageOutput } from "../real/support/drayage.ts";

const AMD = { os: "linux", architecture: "amd64" };
const ARM = { os: "linux", architecture: "arm64" };

let registry: TestRegistry;
let root: string;
let amd: BuiltImage;
let arm: BuiltImage;
let name: string;
let repository: string;

beforeAll(async () => {
  registry = await TestRegistry.start();
  root = await mkdtemp(join(tmpdir(), "drayage-looking-"));
  repository = `${registry.host}/team/app`;
  name = `${repository}:v1`;
  amd = await buildImage(registry, "team/app", { layers: [1_000], platform: AMD });
  arm = await buildImage(registry, "team/app", { layers: [2_000], platform: ARM });
  buildIndex(registry, "team/app", { tag: "v1", images: [amd, arm] });
  await drayageOutput(["pull", "-q", "--plain-http", "--root", root, "--platform", "linux/amd64", name]);
});

afterAll(async () => {
  await registry.close();
  await rm(root, { recursive: true, force: true });
});

const shortId = (): string => amd.config.digest.slice(7, 19);

function here(command: string, ...more: readonly string[]) {
  return drayage([command, "--root", root, ...more]);
}

function there(command: string, ...more: readonly string[]) {
  return drayage([command, "--root", root, "--plain-http", ...more]);
}

describe("drayage inspect", () => {
  it("prints what docker tells and more, of what is here", async () => {
    const { stdout } = await here("inspect", shortId());
    expect(JSON.parse(stdout)).toMatchObject({
      Id: amd.config.digest,
      RepoTags: [name],
      Os: "linux",
      Architecture: "amd64",
      RootFS: { Type: "layers", Layers: amd.layers.map(({ diffId }) => diffId) },
      Platforms: ["linux/amd64", "linux/arm64"],
      From: "local",
      Layers: [{ isHere: true }],
    });
  });

  it("asks the registry for what is not here, and for what is when it is told so", async () => {
    const { stdout } = await there(
      "inspect",
      "--platform",
      "linux/arm64",
      "--format",
      "{{.Id}} {{.From}}",
      name,
    );
    expect(stdout).toBe(`${arm.config.digest} registry\n`);
    const forced = await there("inspect", "--registry", "-f", "{{.From}}", name);
    expect(forced.stdout).toBe("registry\n");
    expect((await there("inspect", "--local", `${repository}:v9`)).status).toBe(1);
  });

  it("prints documents byte for byte", async () => {
    const index = registry.manifest("team/app", "v1");
    const { stdout } = await here("inspect", "--raw", name);
    expect(stdout).toBe(Buffer.from(index?.bytes ?? []).toString());
    const manifest = registry.manifest("team/app", amd.descriptor.digest);
    const one = await here("inspect", "--raw", "--platform", "linux/amd64", name);
    expect(one.stdout).toBe(Buffer.from(manifest?.bytes ?? []).toString());
  });

  it.each([
    ["--registry", "--local"],
    ["--raw", "--format=json"],
    ["--format={{range .RepoTags}}{{.}}{{end}}"],
    ["--format={{.Nothing}}"],
  ])("ends with status 2 for %s %s", async (...options) => {
    const { status, stderr } = await here("inspect", ...options, name);
    expect([status, stderr]).toEqual([2, expect.stringContaining("drayage: ")]);
  });
});

describe("drayage tags and delete", () => {
  it("list and delete at the registry", async () => {
    await buildImage(registry, "team/other", { tag: "v1", layers: [] });
    const other = await buildImage(registry, "team/other", { tag: "v2", layers: [100] });
    const repo = `${registry.host}/team/other`;
    expect((await there("tags", repo)).stdout).toBe("v1\nv2\n");
    expect((await there("delete", `${repo}:v1`)).stdout).toBe(`Deleted: ${repo}:v1\n`);
    expect((await there("tags", repo)).stdout).toBe("v2\n");
    expect((await there("delete", `${repo}@${other.descriptor.digest}`)).status).toBe(0);
    expect(await there("delete", repo)).toMatchObject({ status: 1, stdout: "" });
  });
});

describe("drayage images", () => {
  it("prints exact numbers as JSON", async () => {
    const [image] = JSON.parse((await here("images", "--json")).stdout);
    expect(image).toMatchObject({ name, id: amd.config.digest, bytes: expect.any(Number) });
  });

  it("prints what a template says", async () => {
    const { stdout } = await here(
      "images",
      "--format",
      "{{.ID}}\\t{{.Repository}}:{{.Tag}} {{json .Digest}}",
    );
    const digest = registry.manifest("team/app", "v1")?.digest;
    expect(stdout).toBe(`${shortId()}\t${name} "${digest}"\n`);
  });

  it("takes one way to print them", async () => {
    expect((await here("images", "-q", "--json")).status).toBe(2);
  });
});

describe("drayage rmi", () => {
  it("takes the beginning of an ID for all names of the image, of several repositories with --force", async () => {
    const own = await mkdtemp(join(tmpdir(), "drayage-rmi-"));
    const at = (command: string, ...more: readonly string[]) => drayage([command, "--root", own, ...more]);
    await at("pull", "-q", "--plain-http", "--platform", "linux/amd64", name);
    await at("tag", shortId(), "copy");
    expect(await at("rmi", shortId())).toMatchObject({ status: 1, stdout: "" });
    const { stdout } = await at("rmi", "--force", shortId());
    expect(stdout).toContain(`Untagged: ${name}\n`);
    expect(stdout).toContain("Untagged: copy:latest\n");
    expect((await at("images", "-q")).stdout).toBe("");
    await rm(own, { recursive: true });
  });
});

describe("drayage completion", () => {
  it("offers commands, options, choices and names of images in bash", async () => {
    expect(await offered("drayage pu")).toEqual(["pull", "push", "push-artifact"]);
    expect(await offered("drayage inspect --raw --reg")).toEqual(["--registries-conf", "--registry"]);
    expect(await offered("drayage pull --progress j")).toEqual(["json"]);
    expect(await offered("drayage content ac")).toEqual(["active"]);
    expect(await offered(`drayage rmi ${registry.host.slice(0, 3)}`)).toEqual([name]);
    expect(await offered(`drayage rmi ${name.slice(0, -1)}`)).toEqual(["v1"]);
    expect(await offered("drayage rmi ev")).toEqual([]);
  });

  it.each(["zsh", "fish"])("names every command in the script for %s", async (shell) => {
    const { stdout, status } = await drayage(["completion", shell]);
    expect(status).toBe(0);
    for (const command of ["pull", "inspect", "completion", "rmi", "active"])
      expect(stdout).toContain(command);
  });

  it("knows no other shell", async () => {
    expect((await drayage(["completion", "tcsh"])).status).toBe(2);
  });
});

/** What bash offers when the cursor stands at the end of this line. */
async function offered(line: string): Promise<readonly string[]> {
  const { stdout: script } = await drayage(["completion", "bash"]);
  const test = `
    drayage() { printf '%s\\n' ${name} 'evil:$(touch pwned)'; }
    ${script}
    COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=($2) COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
    if [[ $1 == *' ' ]]; then COMP_WORDS+=(""); COMP_CWORD=$(( COMP_CWORD + 1 )); fi
    _drayage
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const words = line.replaceAll(":", " : ");
  const { stdout } = await promisify(execFile)("bash", ["-c", test, "bash", line, words]);
  return stdout.split("\n").filter((text) => text !== "");
}
