import { afterEach, describe, expect, it } from "vitest";
import { isUnauthenticated } from "../../../../src/errors.ts";
import { buildV1Image, TestRegistry } from "../../../../src/testing.ts";
import { type Engine, failureOf, openEngine } from "../../support/engine.ts";
import { until } from "../../support/until.ts";

const ALICE = { username: "alice", password: "secret" };
const LAYERS = [200_000, "empty", 40_000] as const;

let open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
  open = [];
});

interface Site {
  readonly registry: TestRegistry;
  readonly engine: Engine;
  readonly name: string;
  /** How often credentials were looked up. */
  readonly lookups: () => number;
}

async function site(standalone: boolean, password = ALICE.password): Promise<Site> {
  const registry = await TestRegistry.start({ v1: { only: true, standalone }, auth: { basic: ALICE } });
  let lookups = 0;
  const engine = await openEngine({
    registry: { v1Registries: [registry.host] },
    credentials: async () => {
      lookups++;
      return { ...ALICE, password };
    },
  });
  open.push(registry, engine);
  await buildV1Image(registry, "team/app", { tag: "1", layers: LAYERS });
  return { registry, engine, name: `${registry.host}/team/app:1`, lookups: () => lookups };
}

function authorizations({ registry }: Site): Readonly<Record<string, readonly (string | undefined)[]>> {
  const found: Record<string, (string | undefined)[]> = {};
  for (const { kind, authorization } of registry.requests) {
    if (kind.startsWith("v1-")) found[kind] = [...new Set([...(found[kind] ?? []), authorization])];
  }
  return found;
}

describe("pull() from a private registry of version 1", () => {
  it("shows its credentials to the index, and goes on with a token that works once and a session", async () => {
    const place = await site(false);
    await place.engine.pull(place.name);
    expect(authorizations(place)).toMatchObject({
      "v1-ping": [undefined],
      "v1-images": ["Basic"],
      "v1-tags": ["Token"],
      "v1-layer": ["Token"],
    });
    expect(place.registry.requests.filter(({ status }) => status === 401)).toEqual([]);
  });

  it("shows them with every request to a registry that needs no index", async () => {
    const place = await site(true);
    await place.engine.pull(place.name);
    expect(authorizations(place)).toMatchObject({
      "v1-images": ["Basic"],
      "v1-json": ["Basic"],
      "v1-layer": ["Basic"],
    });
  });

  it.each([false, true])("says that they are wrong (standalone: %s)", async (standalone) => {
    const place = await site(standalone, "wrong");
    const error = await failureOf(place.engine.pull(place.name));
    expect(isUnauthenticated(error)).toBe(true);
    expect(error.message).toMatch(/401 Unauthorized: Requires authorization$/);
    expect(error.message).not.toMatch(/wrong/);
  });

  it("opens one new session for all layers when the old one ends under them", async () => {
    const { registry, engine, name } = await site(false);
    const gate = Promise.withResolvers<void>();
    registry.fault({ kind: "v1-layer", times: LAYERS.length }, { hold: gate.promise });
    const pulling = engine.pull(name);
    const asked = () => registry.requests.filter(({ kind }) => kind === "v1-layer").length;
    await until(() => asked() === LAYERS.length);
    registry.revokeTokens();
    gate.resolve();
    await pulling;
    expect(registry.requests.filter(({ kind }) => kind === "v1-images")).toHaveLength(2);
    expect(asked()).toBe(2 * LAYERS.length);
  });

  it("asks once for all who pull at the same time", async () => {
    const { registry, engine, name, lookups } = await site(false);
    await Promise.all(Array.from({ length: 20 }, () => engine.pull(name)));
    expect(lookups()).toBe(1);
    expect(registry.requests.filter(({ kind }) => kind === "v1-images")).toHaveLength(1);
    expect(registry.requests.filter(({ kind }) => kind === "v1-layer")).toHaveLength(LAYERS.length);
  });

  it("fails nobody because somebody else was refused", async () => {
    const { engine, name } = await site(false);
    const [wrong, right] = await Promise.allSettled([
      engine.pull(name, { auth: { ...ALICE, password: "wrong" } }),
      engine.pull(name, { auth: ALICE }),
    ]);
    expect([wrong.status, right.status]).toEqual(["rejected", "fulfilled"]);
  });

  it("asks as nobody where there are no credentials, and says what came of it", async () => {
    const { registry, name } = await site(false);
    const engine = await openEngine({ registry: { v1Registries: [registry.host] } });
    open.push(engine);
    expect(isUnauthenticated(await failureOf(engine.pull(name)))).toBe(true);
  });
});
