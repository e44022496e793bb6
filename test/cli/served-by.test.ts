import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { closedPort } from "../distribution/support/servers.ts";
import { drayage } from "../real/support/drayage.ts";

let registry: TestRegistry;
let mirror: TestRegistry;
let root: string;

beforeEach(async () => {
  [registry, mirror] = await Promise.all([TestRegistry.start(), TestRegistry.start()]);
  for (const each of [registry, mirror]) await buildImage(each, "app", { tag: "v1", layers: [10_000] });
  root = await mkdtemp(join(tmpdir(), "drayage-served-"));
});

afterEach(async () => {
  await Promise.all([registry.close(), mirror.close()]);
  await rm(root, { recursive: true });
});

function pull(...options: readonly string[]) {
  return drayage(["pull", "--root", root, ...options, `${registry.host}/app:v1`]);
}

describe("`drayage pull`", () => {
  it("says nothing of the registry itself that served everything", async () => {
    expect(await pull()).toMatchObject({ status: 0, stderr: "" });
  });

  it("says which mirror served, and no more when everything is here", async () => {
    const mirrored = ["--mirror", `${registry.host}=${mirror.url}`];
    const { stderr } = await pull(...mirrored);
    expect(stderr).toMatch(new RegExp(`^drayage: ${mirror.url} served 3 blobs, \\d+(\\.\\d+)?kB\n$`));
    expect(await pull(...mirrored)).toMatchObject({ stderr: "" });
  });

  it("says which mirror could not serve, why, and who did", async () => {
    const closed = await closedPort();
    const { stderr } = await pull("--mirror", `${registry.host}=${closed.url}`);
    expect(stderr).toMatch(
      new RegExp(
        `^drayage: ${closed.url} was passed over: .*connection refused\ndrayage: ${registry.url} served 3 blobs`,
      ),
    );
  });

  it("says it to a program as an auxiliary message, and not at all with -q", async () => {
    const mirrored = ["--mirror", `${registry.host}=${mirror.url}`];
    const { stdout, stderr } = await pull(...mirrored, "--progress", "json");
    const last = JSON.parse(stdout.trim().split("\r\n").at(-1) ?? "");
    expect(last.aux).toEqual({ Served: [{ Endpoint: mirror.url, Contents: 3, Size: expect.any(Number) }] });
    expect(stderr).toBe("");
    await rm(root, { recursive: true });
    expect(await pull(...mirrored, "-q")).toMatchObject({ status: 0, stderr: "" });
  });
});
