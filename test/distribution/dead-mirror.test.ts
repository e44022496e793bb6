import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { holdPort } from "../support/hold-port.ts";
import { openBlackHole } from "./support/black-hole.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import type { MirroredOutcome } from "./support/mirrored-child.ts";
import { gets } from "./support/requests.ts";
import { closedPort } from "./support/servers.ts";
import { until } from "./support/until.ts";

const CHILD = new URL("support/mirrored-child.ts", import.meta.url).pathname;
const ALWAYS = Number.POSITIVE_INFINITY;

let registry: TestRegistry;
let root: string;

const keep = closingAfterEach();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-mirror-"));
  keep({ [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) });
  registry = keep(await TestRegistry.start());
});

async function engine(mirrors: readonly string[]): Promise<Engine> {
  return keep(await openEngine({ root, registry: { mirrors: { [registry.host]: mirrors } } }));
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** A process that is about to pull, and what it will say. */
async function ready(args: readonly string[]) {
  const child: Child = spawn(process.execPath, ["--no-warnings", CHILD, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  keep({ [Symbol.asyncDispose]: async () => void child.kill("SIGKILL") });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  expect(await lines.next()).toMatchObject({ value: "ready" });
  return {
    async pull(): Promise<MirroredOutcome> {
      child.stdin.write("\n");
      const exited = once(child, "exit");
      const { value } = await lines.next();
      await exited;
      return JSON.parse(value ?? "") as MirroredOutcome;
    },
  };
}

describe("a mirror that takes no connection", () => {
  it("costs one connection in all, of five pulls of forty layers in three processes", async () => {
    const names: string[] = [];
    for (const tag of ["one", "two", "three", "four", "five"]) {
      await buildImage(registry, `team/${tag}`, {
        tag,
        layers: Array.from({ length: 40 }, (_, at) => 500 + at),
      });
      names.push(`${registry.host}/team/${tag}:${tag}`);
    }
    const hole = keep(await openBlackHole());
    const before = [root, registry.host, hole.url];
    const [one = "", two = "", three = "", four = "", five = ""] = names;
    const children = await Promise.all(
      [[one, two], [three, four], [five]].map((some: readonly string[]) => ready([...before, ...some])),
    );
    const outcomes = await Promise.all(children.map((child) => child.pull()));
    expect(outcomes.flatMap(({ servedBy }) => servedBy)).toEqual(names.map(() => registry.url));
    expect(outcomes.reduce((sum, { connections }) => sum + connections, 0)).toBe(1);
    const reasons = outcomes.flatMap(({ passedOver }) => passedOver);
    expect(reasons).toHaveLength(5);
    expect(reasons.filter((reason) => reason.endsWith(": no connection in time"))).toHaveLength(1);

    const late = await ready([...before, one]);
    expect(await late.pull()).toMatchObject({
      servedBy: [registry.url],
      passedOver: [expect.stringContaining("asked last")],
    });
  });
});

describe("a mirror that refuses connections", () => {
  it("is asked last by the next pull, and in its place when it serves again", async () => {
    await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
    const name = `${registry.host}/team/app:v1`;
    const mirror = await TestRegistry.start();
    await buildImage(mirror, "team/app", { tag: "v1", layers: [5_000] });
    const port = Number(new URL(mirror.url).port);
    await mirror.close();
    keep(await holdPort(port));

    const distribution = await engine([mirror.url]);
    expect(await distribution.pull(name)).toMatchObject({
      endpoint: registry.url,
      passedOver: [
        { endpoint: mirror.url, error: { message: expect.stringContaining("connection refused") } },
      ],
    });
    expect(await distribution.pull(name)).toMatchObject({
      endpoint: registry.url,
      passedOver: [{ endpoint: mirror.url, error: { notSent: true } }],
    });
    expect(await readdir(join(root, "endpoints"))).toHaveLength(1);

    const back = keep(await TestRegistry.start({ port }));
    await buildImage(back, "team/app", { tag: "v1", layers: [5_000] });
    await until(async () => (await distribution.pull(name)).endpoint === back.url);
    const [probe] = back.requests;
    expect(probe).toMatchObject({ kind: "ping", method: "GET" });
    expect(probe?.query.get("ns")).toBe(registry.host); // without it some mirrors know nothing
    expect(await readdir(join(root, "endpoints"))).toEqual([]);
  });

  it("is asked all the same when everything is ill, in the order of the configuration", async () => {
    const [mirror, gone] = [keep(await closedPort()), keep(await closedPort())];
    const distribution = keep(
      await openEngine({
        root,
        maxDownloadAttempts: 1,
        registry: { mirrors: { [gone.host]: [mirror.url] } },
      }),
    );
    for (let pull = 0; pull < 3; pull++) {
      const error = await distribution.pull(`${gone.host}/team/app:v1`).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ errors: [{ endpoint: mirror.url }, { endpoint: gone.url }] });
      expect(String(error)).not.toContain("not asked");
    }
  });

  it("does not make the registry less patiently asked", async () => {
    const image = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
    const mirror = keep(await closedPort());
    const distribution = await engine([mirror.url]);
    registry.fault({ kind: "blob", digest: layerOf(image).digest, times: 3 }, { reset: true });
    expect(await distribution.pull(`${registry.host}/team/app:v1`)).toMatchObject({ endpoint: registry.url });
  });
});

describe("a mirror that breaks off in the middle", () => {
  it("has its bytes gone on with by the registry, and is asked last from then on", async () => {
    const image = await buildImage(registry, "team/app", { tag: "v1", layers: [400_000] });
    const mirror = keep(await TestRegistry.start());
    await buildImage(mirror, "team/app", { tag: "v1", layers: [400_000] });
    const { digest, size } = layerOf(image);
    const half = Math.floor(size / 2);
    mirror.fault({ kind: "blob", digest }, { afterBytes: half, reset: true });
    mirror.fault({ kind: "blob", digest, times: ALWAYS }, { reset: true });
    const distribution = await engine([mirror.url]);
    const name = `${registry.host}/team/app:v1`;
    expect(await distribution.pull(name)).toMatchObject({
      endpoint: registry.url,
      passedOver: [{ endpoint: mirror.url }],
    });
    const [asked, ...more] = gets(registry, digest);
    expect(more).toEqual([]);
    expect(asked?.range).toMatch(/^bytes=\d{4,}-$/);
    expect(asked?.bytesSent).toBeLessThan(size);
    const requests = mirror.requests.length;
    await distribution.pull(name);
    expect(mirror.requests).toHaveLength(requests);
  });
});
