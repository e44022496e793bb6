import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { storedCredentials } from "../../src/registry.ts";
import { buildImage, type RequestRecord, TestRegistry } from "../../src/testing.ts";
import { helperPrograms } from "../registry/support/helper-programs.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";

const USER = { username: "u", password: "p" };
const PLATFORM = { platform: "linux/amd64" };

const keep = closingAfterEach();

async function registryWith(options: Parameters<typeof TestRegistry.start>[0] = {}): Promise<TestRegistry> {
  const registry = keep(await TestRegistry.start(options));
  await buildImage(registry, "team/app", { tag: "v1", layers: [1000] });
  return registry;
}

async function configDir(config: object): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "drayage-docker-"));
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  keep({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) });
  return directory;
}

function times<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}

function countOf({ requests }: TestRegistry, matches: (request: RequestRecord) => boolean): number {
  return requests.filter(matches).length;
}

const isToken = ({ kind }: RequestRecord): boolean => kind === "token";

function nameOf(registry: TestRegistry): string {
  return `${registry.host}/team/app:v1`;
}

describe("pulls of one image at the same time", () => {
  it("are one credential call, one token and one manifest", async () => {
    const registry = await registryWith({ auth: { bearer: USER } });
    let asked = 0;
    const countedSource = async () => {
      asked++;
      return USER;
    };
    const engine = keep(await openEngine({ credentials: countedSource }));
    await times(50, () => engine.pull(nameOf(registry), PLATFORM));
    expect(asked).toBe(1);
    expect(countOf(registry, isToken)).toBe(1);
    expect(countOf(registry, ({ kind, status }) => kind === "manifest" && status === 200)).toBe(1);
    await engine.pull(nameOf(registry), PLATFORM);
    expect(asked).toBe(1);
    expect(countOf(registry, isToken)).toBe(1);
  });

  it.each(["callback", "helper"])(
    "of a private repository are one challenge, one token, one %s",
    async (kind) => {
      const registry = await registryWith({ auth: { bearer: USER } });
      const programs = keep(await helperPrograms());
      await programs.add("count", `cat >> "$DIR/asked"; echo '{"Username":"u","Secret":"p"}'`);
      const asked: string[] = [];
      const callback = async (host: string) => {
        asked.push(host);
        return USER;
      };
      const helper = storedCredentials({
        dockerConfigDir: await configDir({ credsStore: "count" }),
        env: programs.env,
      });
      const engine = keep(await openEngine({ credentials: kind === "helper" ? helper : callback }));
      await times(20, () => engine.pull(nameOf(registry), PLATFORM));
      expect(countOf(registry, ({ status }) => status === 401)).toBe(1);
      expect(countOf(registry, isToken)).toBe(1);
      expect(kind === "helper" ? [await programs.read("asked")] : asked).toEqual([registry.host]);
    },
  );

  it("have tokens of their own when they bring credentials of their own", async () => {
    const registry = await registryWith({ auth: { bearer: USER } });
    const engine = keep(await openEngine({ credentials: async () => USER }));
    const wrong = { username: "u", password: "wrong" };
    const outcomes = await times(20, async (index) => {
      const auth = index % 2 === 0 ? undefined : wrong;
      return await engine.pull(nameOf(registry), { ...PLATFORM, auth }).catch((error: unknown) => error);
    });
    for (const [index, outcome] of outcomes.entries()) {
      const expected = index % 2 === 0 ? { reference: nameOf(registry) } : { code: "ERR_UNAUTHENTICATED" };
      expect(outcome).toMatchObject(expected);
    }
  });

  it("see a tag that was pushed before they began", async () => {
    const registry = await registryWith();
    const other = await buildImage(registry, "team/app", { tag: "v2", layers: [2000] });
    const engine = keep(await openEngine());
    await engine.pull(`${registry.host}/team/app:v2`, PLATFORM);
    const held = Promise.withResolvers<void>();
    registry.fault({ method: "HEAD", reference: "v1" }, { hold: held.promise });
    const early = engine.pull(nameOf(registry), PLATFORM);
    await registry.waitFor(({ method, reference }) => method === "HEAD" && reference === "v1");
    await engine.push(`${registry.host}/team/app:v2`, { target: nameOf(registry) });
    const { digest } = await engine.pull(nameOf(registry), PLATFORM);
    expect(digest).toBe(other.descriptor.digest);
    held.resolve();
    await early;
  });
});

describe("credentials that cannot be found", () => {
  const failing: readonly (readonly [string, (mirror: TestRegistry) => Promise<object>])[] = [
    [
      "because a callback throws",
      async (mirror) => ({
        credentials: async (host: string) => {
          if (host === mirror.host) throw new Error("vault sealed");
          return undefined;
        },
      }),
    ],
    [
      "because a helper is missing",
      async (mirror) => ({
        credentials: { dockerConfigDir: await configDir({ credHelpers: { [mirror.host]: "not-there" } }) },
      }),
    ],
  ];

  it.each(failing)("for a mirror pass it over, %s", async (_, options) => {
    const registry = await registryWith();
    const mirror = await registryWith({ auth: { basic: USER } });
    const mirrors = { [registry.host]: [mirror.url] };
    const engine = keep(await openEngine({ registry: { mirrors }, ...(await options(mirror)) }));
    const { endpoint } = await engine.pull(nameOf(registry), PLATFORM);
    expect(endpoint).toBe(registry.url);
  });

  it("by a callback are the error of the caller, with a class", async () => {
    const registry = await registryWith({ auth: { bearer: {} } });
    const engine = keep(
      await openEngine({
        credentials: async () => {
          throw new Error("vault sealed");
        },
      }),
    );
    expect(await failureOf(engine.pull(nameOf(registry), PLATFORM))).toMatchObject({
      code: "ERR_FAILED_PRECONDITION",
      endpoint: registry.url,
      message: expect.stringContaining("vault sealed"),
    });
  });

  it("in docker's config do not stop a public image, with a warning", async () => {
    const registry = await registryWith({ auth: { bearer: {} } });
    const logger = memoryLogger();
    const dockerConfigDir = await configDir({ credsStore: "not-there" });
    const engine = keep(await openEngine({ logger, credentials: { dockerConfigDir } }));
    await engine.pull(nameOf(registry), PLATFORM);
    expect(logger.entries.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { host: registry.host }, message: "credentials cannot be read, going on as anonymous" },
    ]);
  });

  it.each([
    ["a token server", { bearer: USER }],
    ["a registry that wants Basic", { basic: USER }],
  ])("in docker's config are the reason behind the refusal of %s", async (_, auth) => {
    const registry = await registryWith({ auth });
    const dockerConfigDir = await configDir({ credsStore: "not-there" });
    const engine = keep(await openEngine({ credentials: { dockerConfigDir } }));
    const error = await failureOf(engine.pull(nameOf(registry), PLATFORM));
    expect(error).toMatchObject({ endpoint: registry.url });
    expect(error.message).toContain(
      `asked as anonymous: Run docker-credential-not-there for ${registry.host}: the helper could not be started`,
    );
  });

  it("as a file of podman's that is no JSON stop with its line and column", async () => {
    const registry = await registryWith({ auth: { bearer: {} } });
    const authFile = join(await configDir({}), "auth.json");
    await writeFile(authFile, '{\n  "auths": s3cret');
    const engine = keep(await openEngine({ credentials: { authFile } }));
    expect(await failureOf(engine.pull(nameOf(registry), PLATFORM))).toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
      message: `Read auth file "${authFile}", line 2, column 12: not JSON`,
    });
  });

  it("as a file that is no JSON do not stop a public image either", async () => {
    const registry = await registryWith({ auth: { bearer: {} } });
    const dockerConfigDir = await configDir({});
    await writeFile(join(dockerConfigDir, "config.json"), "{");
    const engine: Engine = keep(await openEngine({ credentials: { dockerConfigDir } }));
    await engine.pull(nameOf(registry), PLATFORM);
  });
});

describe("a registry that hides what is private", () => {
  it.each([404, 403])("is pulled from with credentials when it answers %i to strangers", async (status) => {
    const registry = await registryWith({ auth: { basic: USER } });
    registry.fault(
      { times: Infinity, when: ({ kind, authorization }) => kind !== "ping" && authorization === undefined },
      { status, body: { errors: [{ code: status === 404 ? "NAME_UNKNOWN" : "DENIED", message: "no" }] } },
    );
    const engine = keep(await openEngine({ credentials: async () => USER }));
    await times(5, () => engine.pull(nameOf(registry), PLATFORM));
    expect(countOf(registry, ({ kind }) => kind === "ping")).toBe(1);
  });
});
