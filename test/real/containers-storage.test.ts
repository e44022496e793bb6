import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestRegistry } from "../../src/testing.ts";
import { codeBlocks, readDocument } from "../docs/support/documents.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput } from "./support/drayage.ts";
import { findPart, type PartName, requirePart } from "./support/parts.ts";
import { runPart } from "./support/run-part.ts";
import { putShellImage, SHELL_SAYS } from "./support/shell-image.ts";

/** The commands of the README that bring an image to podman. */
function commandsOfReadme(): readonly (readonly string[])[] {
  const block = codeBlocks(readDocument("README.md")).find(({ code }) => code.includes("podman run"));
  return (block?.code ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "));
}

describeReal("containers-storage", ["skopeo", "podman", "conmon", "runc"], () => {
  describe.skipIf(process.getuid?.() !== 0)("as root", () => {
    let folder: string;
    let registry: TestRegistry;
    let env: Readonly<Record<string, string>>;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      registry = await TestRegistry.start();
      await putShellImage(registry, { repository: "team/app", tag: "v1" });
      env = await configure(folder);
    });

    afterEach(async () => {
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    });

    it("takes an image out of a data root by the commands of the README, and runs it", async () => {
      const said: string[] = [];
      for (const [program = "", ...words] of commandsOfReadme()) {
        const args = words.map((word) =>
          word
            .replaceAll("/var/lib/engine/images", join(folder, "root"))
            .replaceAll("registry.example", registry.host),
        );
        if (program === "drayage") await drayageOutput([...args, "--plain-http"]);
        else said.push((await runPart(program as PartName, args, { env })).stdout);
      }
      expect(said).toHaveLength(2);
      expect(said.at(-1)).toBe(SHELL_SAYS);
    });
  });
});

/** What these programs find on a machine where they are installed: a storage, a runtime and a policy; gives their environment. */
async function configure(folder: string): Promise<Readonly<Record<string, string>>> {
  const [storage, engine] = [join(folder, "storage.conf"), join(folder, "containers.conf")];
  const policy = join(folder, ".config", "containers", "policy.json");
  await mkdir(join(policy, ".."), { recursive: true });
  await mkdir(join(folder, "tmp"));
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  await writeFile(
    storage,
    [
      "[storage]",
      'driver = "vfs"', // works on every file system
      `graphroot = ${JSON.stringify(join(folder, "graph"))}`,
      `runroot = ${JSON.stringify(join(folder, "run"))}`,
      "",
    ].join("\n"),
  );
  await writeFile(
    engine,
    [
      "[containers]",
      'netns = "none"',
      'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]', // those of podman are beyond what a sandbox may set
      "[engine]",
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      `tmp_dir = ${JSON.stringify(join(folder, "libpod"))}`,
      `conmon_path = ${JSON.stringify([requirePart("conmon").path])}`,
      'runtime = "runc"',
      "[engine.runtimes]",
      `runc = ${JSON.stringify([findPart("runc")?.path])}`,
      "",
    ].join("\n"),
  );
  return {
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, ".config"),
    XDG_RUNTIME_DIR: join(folder, "tmp"),
    CONTAINERS_STORAGE_CONF: storage,
    CONTAINERS_CONF: engine,
  };
}
