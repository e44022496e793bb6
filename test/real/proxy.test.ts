import { networkInterfaces } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";
import { proxyFromEnvironment } from "../../src/registry/transport/proxy-from-environment.ts";
import { type BuiltImage, buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { type Engine, failureOf, openEngine } from "../distribution/support/engine.ts";
import { describeReal } from "./support/describe-real.ts";
import { PROXIED_HOST, type Squid, startSquid } from "./support/squid.ts";

const access = { username: "hauler", password: "short:haul" };

/** An address of this machine that is not loopback: what is at loopback never goes through a proxy. */
const ADDRESS = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

/** An engine in this environment, which trusts any certificate. */
async function engine(environment: Record<string, string>, plainHttp: boolean): Promise<Engine> {
  return await openEngine({
    credentials: async () => access,
    registry: { plainHttp, skipTlsVerify: true },
    connection: { proxy: proxyFromEnvironment(environment) },
  });
}

describeReal("a pull through squid", ["squid"], () => {
  let squid: Squid;
  let registry: TestRegistry;
  let image: BuiltImage;

  async function serve(tls: boolean, host?: string): Promise<void> {
    registry = await TestRegistry.start({ access, host, ...(tls && { tls: selfSigned() }) });
    image = await buildImage(registry, "team/app", { tag: "v1", layers: [2_000_000, 3_000] });
  }

  beforeEach(async () => {
    squid = await startSquid();
  });

  afterEach(async () => {
    await squid[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  const named = (host: string): string => `${host}:${new URL(registry.url).port}/team/app:v1`;

  it("goes by tunnel to a registry with TLS, whose credentials the proxy never sees", async () => {
    await serve(true);
    await using puller = await engine({ HTTPS_PROXY: squid.url }, false);
    const { digest } = await puller.pull(named(PROXIED_HOST));
    expect(digest).toBe(image.descriptor.digest);
    await puller.close(); // a tunnel is in the log when it is over
    const log = await squid.log(1);
    for (const line of log) expect(line).toMatch(new RegExp(`^CONNECT ${PROXIED_HOST}:\\d+ `));
    expect(log.join("\n")).not.toMatch(/authorization|bearer|basic|hauler|token/i);
  });

  it("asks for whole addresses of a registry without TLS", async () => {
    await serve(false);
    await using puller = await engine({ HTTP_PROXY: squid.url }, true);
    expect((await puller.pull(named(PROXIED_HOST))).digest).toBe(image.descriptor.digest);
    const log = await squid.log(registry.requests.length);
    expect(log[0]).toContain(`http://${PROXIED_HOST}:`);
  });

  it.each([PROXIED_HOST, ".test", "*.test", "*"])(
    "leaves the proxy alone for NO_PROXY=%s",
    async (noProxy) => {
      await serve(true);
      await using puller = await engine({ HTTPS_PROXY: squid.url, NO_PROXY: noProxy }, false);
      await failureOf(puller.pull(named(PROXIED_HOST))); // nobody but the proxy knows this host
      expect([await squid.log(), registry.requests]).toEqual([[], []]);
    },
  );

  it.skipIf(ADDRESS === undefined)(
    "reaches a network of NO_PROXY directly, and others by the proxy",
    async () => {
      await serve(true, "0.0.0.0");
      const host = ADDRESS ?? "";
      await using direct = await engine({ HTTPS_PROXY: squid.url, NO_PROXY: `${host}/24` }, false);
      expect((await direct.pull(named(host))).digest).toBe(image.descriptor.digest);
      expect(await squid.log()).toEqual([]);
      await using proxied = await engine({ HTTPS_PROXY: squid.url, NO_PROXY: "240.0.0.0/24" }, false);
      expect((await proxied.pull(named(host))).digest).toBe(image.descriptor.digest);
      await proxied.close();
      expect((await squid.log(1))[0]).toContain(`CONNECT ${host}:`);
    },
  );
});
