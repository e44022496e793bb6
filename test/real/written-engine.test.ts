import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestRegistry } from "../../src/testing.ts";
import { codeBlocks, readDocument } from "../docs/support/documents.ts";
import { Workshop } from "../docs/support/workshop.ts";
import { describeReal } from "./support/describe-real.ts";
import { type DockerCli, openDockerCli } from "./support/docker-cli.ts";
import { putShellImage, SHELL_SAYS } from "./support/shell-image.ts";

/** The engine changes its root, which takes root. */
const isRoot = process.getuid?.() === 0;

describeReal("the engine of docs/writing-an-engine.md", ["docker"], () => {
  let registry: TestRegistry;
  let workshop: Workshop;
  let engine: ChildProcess;
  let docker: DockerCli;

  beforeAll(async () => {
    registry = await TestRegistry.start();
    workshop = await Workshop.open(registry);
    await putShellImage(registry, { repository: "team/shell", tag: "v1" });
    const [block] = codeBlocks(readDocument("docs/writing-an-engine.md"));
    if (!block) throw new TypeError("the document has no program");
    const program = await workshop.write(block);
    engine = spawn(process.execPath, ["--no-warnings", program], {
      cwd: workshop.directory,
      env: { ...process.env, ENGINE_STAYS: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface(engine.stdout as NodeJS.ReadableStream);
    const [line] = (await once(lines, "line")) as [string];
    docker = await openDockerCli(line.replace("DOCKER_HOST=", ""));
  });

  afterAll(async () => {
    engine.kill("SIGTERM");
    await once(engine, "exit");
    await docker[Symbol.asyncDispose]();
    await workshop[Symbol.asyncDispose]();
    await registry.close();
  });

  it.runIf(isRoot)("pulls an image and runs a container of it", async () => {
    const image = `${registry.host}/team/shell:v1`;
    const id = (await docker.run(["create", image])).trimEnd(); // which pulls it, as it is not there
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    await docker.run(["start", id]);
    expect(await docker.run(["wait", id])).toBe("0\n");
    expect(await docker.run(["logs", id])).toBe(SHELL_SAYS);
    expect(await docker.run(["ps", "-aq"])).toBe(`${id.slice(0, 12)}\n`);
    await docker.run(["rm", id]);
    expect(await docker.outcome(["logs", id])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("No such container"),
    });
    expect(await docker.run(["images", "--format", "{{.Repository}}"])).toBe(`${registry.host}/team/shell\n`);
  });
});
