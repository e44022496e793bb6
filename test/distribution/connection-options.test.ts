import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectionOptions } from "../../src/distribution/connection-options.ts";
import { isInvalidArgument } from "../../src/errors/predicates.ts";
import { type Engine, openEngine } from "./support/engine.ts";

let engine: Engine;
let daemonConfig: string;

beforeEach(async () => {
  engine = await openEngine();
  daemonConfig = join(engine.root, "daemon.json");
});

afterEach(() => engine[Symbol.asyncDispose]());

const PROXIES = { "http-proxy": "http://a.test:1", "https-proxy": "http://b.test:2", "no-proxy": "c.test" };

describe("connectionOptions()", () => {
  it("takes docker's proxies where no other is named", async () => {
    await writeFile(daemonConfig, JSON.stringify({ proxies: PROXIES }));
    const proxy = { httpProxy: "http://a.test:1", httpsProxy: "http://b.test:2", noProxy: "c.test" };
    expect(await connectionOptions({ registry: { daemonConfig } })).toEqual({ proxy });
    const own = { httpProxy: "http://own.test:1" };
    expect(await connectionOptions({ connection: { proxy: own }, registry: { daemonConfig } })).toEqual({
      proxy: own,
    });
  });

  it("names no proxy where docker names none", async () => {
    await writeFile(daemonConfig, "{}");
    expect((await connectionOptions({ registry: { daemonConfig } })).proxy).toBeUndefined();
    expect((await connectionOptions({})).proxy).toBeUndefined();
  });

  it("throws for a file that is no JSON", async () => {
    await writeFile(daemonConfig, "{");
    await expect(connectionOptions({ registry: { daemonConfig } })).rejects.toSatisfy(isInvalidArgument);
  });
});
