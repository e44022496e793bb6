import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildImage, type FaultAction, TestRegistry } from "../../src/testing.ts";
import { drayage } from "../real/support/drayage.ts";

let registry: TestRegistry;
let root: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  await buildImage(registry, "app", { tag: "v1", layers: [10_000] });
  root = await mkdtemp(join(tmpdir(), "drayage-timeouts-"));
});

afterEach(async () => {
  await registry.close();
  await rm(root, { recursive: true });
});

function pull(...options: readonly string[]) {
  return drayage(["pull", "--plain-http", "--root", root, ...options, `${registry.host}/app:v1`]);
}

describe("`drayage pull`", () => {
  it.each<[string, FaultAction, string, RegExp]>([
    ["--timeout", { hold: new Promise(() => {}) }, "500ms", /pull .*: not complete after 500 ms/],
    ["--headers-timeout", { hold: new Promise(() => {}) }, "50ms", /no answer in time/],
    ["--idle-timeout", { afterBytes: 10, stall: true }, "50ms", /no data in time/],
  ])("gives up after the time of %s", async (option, action, time, words) => {
    registry.fault({ kind: "manifest", method: "GET", times: Number.POSITIVE_INFINITY }, action);
    const { status, stderr } = await pull(option, time);
    expect(status).toBe(1);
    expect(stderr).toMatch(words);
  });

  it.each([
    ["--timeout", "5 minutes"],
    ["--connect-timeout", "-1"],
    ["--idle-timeout", "1.5s"],
    ["--min-rate", "1kB"],
  ])("refuses %s %s", async (option, value) => {
    expect(await pull(option, value)).toMatchObject({ status: 2 });
  });

  it("takes all of them", async () => {
    const times = ["--timeout", "10m", "--connect-timeout", "5s", "--headers-timeout", "30"];
    const rates = ["--idle-timeout", "5s", "--min-rate", "0"];
    expect(await pull(...times, ...rates)).toMatchObject({ status: 0, stderr: "" });
  });

  it("names an option whose time is none", async () => {
    const { status, stderr } = await pull("--headers-timeout", "0");
    expect(status).toBe(1);
    expect(stderr).toMatch(/headersTimeoutMs.*wanted milliseconds from 1/);
  });
});
