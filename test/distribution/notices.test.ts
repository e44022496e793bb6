import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DistributionOptions } from "../../src/index.ts";
import { USER_AGENT } from "../../src/registry.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { drayage } from "../real/support/drayage.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";

let registry: TestRegistry;
let open: AsyncDisposable[];

beforeEach(async () => {
  registry = await TestRegistry.start();
  await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
  open = [registry];
});

afterEach(async () => {
  for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
});

async function engine(options: Partial<DistributionOptions> = {}): Promise<Engine> {
  const opened = await openEngine(options);
  open.push(opened);
  return opened;
}

function metered(left: number): void {
  registry.fault(
    { kind: "manifest", times: Number.POSITIVE_INFINITY },
    {
      setHeaders: {
        "ratelimit-limit": "100;w=21600",
        "ratelimit-remaining": `${left};w=21600`,
        "docker-ratelimit-source": "192.0.2.7",
        warning: '299 - "this registry moves"',
      },
    },
  );
}

describe("what a registry says beside its answers", () => {
  it("is told as events, and warnings in the log", async () => {
    metered(42);
    const logger = memoryLogger();
    const distribution = await engine({ logger });
    const { events } = distribution;
    const heard: unknown[] = [];
    events.on("rateLimit", (limit: unknown) => heard.push(limit));
    events.on("warning", (warning: unknown) => heard.push(warning));
    await distribution.pull(`${registry.host}/team/app:v1`);
    expect(heard).toEqual([
      { endpoint: registry.url, limit: 100, remaining: 42, windowMs: 21_600_000, source: "192.0.2.7" },
      { endpoint: registry.url, text: "this registry moves" },
    ]);
    const warned = logger.entries.filter(({ level }) => level === "warn");
    expect(warned).toMatchObject([{ fields: { text: "this registry moves" } }]);
  });

  it.each([
    [10, /^drayage: http:\S+ warns: this registry moves\ndrayage: 10 of 100 pulls in 6 hours left at http:/],
    [11, /^drayage: http:\S+ warns: this registry moves\n$/],
  ])("stands at the end of `drayage pull` when %i pulls are left", async (left, wanted) => {
    metered(left);
    const { root } = await engine();
    const pulled = await drayage([
      "pull",
      "-q",
      "--plain-http",
      "--root",
      root,
      `${registry.host}/team/app:v1`,
    ]);
    expect(pulled).toMatchObject({ status: 0 });
    expect(pulled.stderr).toMatch(wanted);
  });
});

describe("a registry that warns of ever new things", () => {
  it("is not given more than a screen at the end of `drayage pull`", async () => {
    for (const kind of ["manifest", "blob"] as const) {
      const warning = Array.from({ length: 16 }, (_, at) => `299 - "${kind} ${at}"`).join(", ");
      registry.fault({ kind, times: Number.POSITIVE_INFINITY }, { setHeaders: { warning } });
    }
    const { root } = await engine();
    const options = ["-q", "--plain-http", "--root", root];
    const { status, stderr } = await drayage(["pull", ...options, `${registry.host}/team/app:v1`]);
    expect(status).toBe(0);
    expect(stderr.match(/ warns: /g)).toHaveLength(20);
  });
});

describe("the option userAgent", () => {
  it("is in front of drayage's name in every request, of token servers as well", async () => {
    const guarded = await TestRegistry.start({ auth: { bearer: { username: "u", password: "p" } } });
    open.push(guarded);
    await buildImage(guarded, "team/app", { tag: "v1", layers: [5_000] });
    const distribution = await engine({
      userAgent: "engine/1.2 (linux)",
      credentials: async () => ({ username: "u", password: "p" }),
    });
    await distribution.pull(`${guarded.host}/team/app:v1`);
    const names = guarded.requests.map(({ kind, headers }) => [kind, headers["user-agent"]]);
    expect(names).toContainEqual(["token", `engine/1.2 (linux) ${USER_AGENT}`]);
    expect(new Set(names.map(([, name]) => name))).toEqual(new Set([`engine/1.2 (linux) ${USER_AGENT}`]));
  });

  it.each(["", " engine", "engine\r\nx: y", "engïne", "x".repeat(257), 7])(
    "refuses %j",
    async (userAgent) => {
      await expect(openEngine({ userAgent: userAgent as string })).rejects.toThrow(/userAgent/);
    },
  );
});
