import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../distribution/support/until.ts";
import { HostileRegistry, SECRETS } from "./support/hostile-registry.ts";
import { makeRoot, type ScopedRoot } from "./support/round.ts";
import { buildWorld } from "./support/world.ts";

const AUTHORIZATION = `Bearer ${SECRETS.token}`;

const world = buildWorld("one world");
const [[digest, { bytes }] = expect.unreachable("a world without documents")] = world.documents;

let root: ScopedRoot;
let registry: HostileRegistry;

beforeEach(async () => {
  root = await makeRoot();
  registry = await HostileRegistry.start({ seed: "honest", world, root: root.path, faultRate: 0 });
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

/** The document is in the root from now on. */
function keepDocument(): void {
  const folder = join(root.path, "blobs", "sha256");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, digest.replace("sha256:", "")), bytes);
}

const path = `/v2/team/app/manifests/${digest}`;

async function ask(): Promise<number> {
  const answer = await fetch(`http://${registry.host}${path}`, { headers: { authorization: AUTHORIZATION } });
  await answer.arrayBuffer();
  return answer.status;
}

/** Another process asks and leaves, while this one does not get round to accepting its connection. */
function askAndLeave(how: "destroy" | "resetAndDestroy"): void {
  const [host, port] = registry.host.split(":");
  const request = `GET ${path} HTTP/1.1\r\nHost: ${registry.host}\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`;
  const script = `const [host, port, request, how] = process.argv.slice(1);
const socket = require("node:net").connect(Number(port), host, () => socket.write(request, () => socket[how]()));`;
  const { status } = spawnSync(process.execPath, ["-e", script, `${host}`, `${port}`, request, how]);
  expect(status).toBe(0);
}

describe("what the hostile registry counts as fetched again", () => {
  it("is what is asked for although it is in the root", async () => {
    expect(await ask()).toBe(200);
    expect(registry.violations).toEqual([]);
    keepDocument();
    expect(await ask()).toBe(200);
    expect(registry.violations).toEqual([`fetched again: ${path}`]);
  });

  it.each(["destroy", "resetAndDestroy"] as const)(
    "is not what was asked before, read late, by a client that has left (%s)",
    async (how) => {
      const asked = registry.asked(1);
      askAndLeave(how);
      keepDocument();
      await asked;
      await until(() => registry.openSockets === 0);
      expect(registry.violations).toEqual([]);
    },
  );
});
