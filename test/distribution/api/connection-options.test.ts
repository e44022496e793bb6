import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectionOptions } from "../../../src/distribution/api/connection-options.ts";
import { isInvalidArgument } from "../../../src/errors/predicates.ts";
import { type Engine, openEngine } from "../support/engine.ts";

let engine: Engine;
let daemonConfig: string;

beforeEach(async () => {
  engine = await openEngine();
  daemonConfig = join(engine.root, "daemon.json");
});

afterEach(() => engine[Symbol.asyncDispose]());

const PROXIES = { "http-proxy": "http://a.test:1", "https-proxy": "http://b.test:2", "no-proxy": "c.test" };

async function dockers() {
  const { proxy } = connectionOptions({ registry: { daemonConfig } });
  if (typeof proxy !== "function") throw new TypeError("wanted a source of proxies");
  return await proxy();
}

describe("connectionOptions()", () => {
  it("takes docker's proxies where no other is named, as they are now", async () => {
    expect(await dockers()).toBeUndefined();
    await writeFile(daemonConfig, JSON.stringify({ proxies: PROXIES }));
    const proxy = { httpProxy: "http://a.test:1", httpsProxy: "http://b.test:2", noProxy: "c.test" };
    expect(await dockers()).toEqual(proxy);
    const own = { proxy: { httpProxy: "http://own.test:1" } };
    expect(connectionOptions({ connection: own, registry: { daemonConfig } })).toEqual(own);
  });

  it("names no proxy where docker names none", async () => {
    await writeFile(daemonConfig, JSON.stringify({ proxies: { "no-proxy": "c.test" } }));
    expect(await dockers()).toBeUndefined();
    expect(connectionOptions({}).proxy).toBeUndefined();
  });

  it("throws for a file that is no JSON", async () => {
    await writeFile(daemonConfig, "{");
    await expect(dockers()).rejects.toSatisfy(isInvalidArgument);
  });
});
