import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type BearerOptions, TestRegistry, type TokenClaims, testAuthority } from "../../src/testing.ts";
import {
  APP,
  byDrayage,
  bySkopeo,
  expectAgreement,
  expectFlaws,
  type Luggage,
  VISIT_TIMEOUT_MS,
} from "./support/both-clients.ts";
import { describeReal } from "./support/describe-real.ts";
import { ACCOUNT, type DockerRegistry, startDockerRegistry } from "./support/docker-registry.ts";
import { drayage, drayageOutput } from "./support/drayage.ts";
import { pemForms, writeHome } from "./support/home.ts";
import { tagInLayout, writeImage } from "./support/images.ts";
import { type NamedHosts, startNamedHosts } from "./support/named-hosts.ts";
import { partOutcome } from "./support/run-part.ts";
import { ISSUER, tokenSigner } from "./support/signed-tokens.ts";
import { skopeo } from "./support/skopeo.ts";

const SERVICE = "guarded";

/** Authorities of the registries, of the token server, and of clients. */
const [company, issuer, staff] = [testAuthority(), testAuthority(), testAuthority()];
const client = staff.issue([]);
const PEM = { "@ca": company.cert, "@tokens-ca": issuer.cert, ...pemForms("@client", client) };

/** Files of somebody's home, and what comes of a pull and a push. */
interface Row {
  readonly name: string;
  readonly host: "locked.test" | "guarded.test";
  readonly files: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  readonly project?: string;
  readonly audience?: string;
  /** What drayage says of the pull and of the push; a single text for both. */
  readonly flaws?: string | readonly [string | undefined, string | undefined];
  /** What skopeo does otherwise. */
  readonly differs?: string;
}

function login(host: string, password = ACCOUNT.password): Readonly<Record<string, string>> {
  const auth = btoa(`${ACCOUNT.username}:${password}`);
  return { ".docker/config.json": JSON.stringify({ auths: { [host]: { auth } } }) };
}

const AUTHORITY = { "certs/locked.test/ca.crt": "@ca" };
const CLIENT = {
  "certs/locked.test/client.cert": "@client.cert",
  "certs/locked.test/client.key": "@client.key",
};
const TRUSTED = { "certs/guarded.test/ca.crt": "@ca", "certs/guarded.test/tokens.crt": "@tokens-ca" };

const ROWS: readonly Row[] = [
  {
    name: "client certificate and password",
    host: "locked.test",
    files: { ...AUTHORITY, ...CLIENT, ...login("locked.test") },
  },
  {
    name: "client certificate and a wrong password",
    host: "locked.test",
    files: { ...AUTHORITY, ...CLIENT, ...login("locked.test", "wrong") },
    flaws: ["unauthorized: authentication required", "401 Unauthorized"],
  },
  {
    name: "client certificate alone",
    host: "locked.test",
    files: { ...AUTHORITY, ...CLIENT },
    flaws: "no basic auth credentials",
  },
  {
    name: "password alone",
    host: "locked.test",
    files: { ...AUTHORITY, ...login("locked.test") },
    flaws: "client certificate is missing",
  },
  {
    name: "token server's authority among the registry's",
    host: "guarded.test",
    files: { ...TRUSTED, ...login("guarded.test") },
  },
  {
    name: "token server's authority with its own host",
    host: "guarded.test",
    files: {
      "certs/guarded.test/ca.crt": "@ca",
      "certs/tokens.test/ca.crt": "@tokens-ca",
      ...login("guarded.test"),
    },
    differs: "it trusts the authorities of the registry alone, at the token server too",
  },
  {
    name: "hosts.toml in the place of certs.d",
    host: "guarded.test",
    files: {
      "hosts/guarded.test/hosts.toml": 'ca = ["one.pem", "two.pem"]\n',
      "hosts/guarded.test/one.pem": "@ca",
      "hosts/guarded.test/two.pem": "@tokens-ca",
      "beside/one.crt": "@ca",
      "beside/two.crt": "@tokens-ca",
      ...login("guarded.test"),
    },
    flags: ["--*-cert-dir=HOME/beside"],
  },
  {
    name: "no authority of the token server",
    host: "guarded.test",
    files: { "certs/guarded.test/ca.crt": "@ca", ...login("guarded.test") },
    flaws: "https://tokens.test: certificate not trusted",
  },
  {
    name: "a wrong password for the token server",
    host: "guarded.test",
    files: { ...TRUSTED, ...login("guarded.test", "wrong") },
    flaws: "incorrect username or password",
  },
  { name: "nobody's token", host: "guarded.test", files: TRUSTED, flaws: "denied" },
  {
    name: "a token for another registry",
    host: "guarded.test",
    files: { ...TRUSTED, ...login("guarded.test") },
    audience: "another-registry",
    flaws: "unauthorized: authentication required",
  },
  {
    name: "a token that does not let push",
    host: "guarded.test",
    files: { ...TRUSTED, ...login("guarded.test") },
    project: "read",
    flaws: [undefined, "denied"],
  },
];

describeReal("registries with TLS that ask who comes", ["docker-registry", "skopeo"], () => {
  let folder: string;
  let registries: readonly DockerRegistry[];
  let tokens: TestRegistry;
  let named: NamedHosts;
  let luggage: Luggage;
  let audience: string | undefined;

  const signer = tokenSigner();
  const bearer: BearerOptions = {
    ...ACCOUNT,
    service: SERVICE,
    grants: (user, repository) => {
      if (user === undefined) return [];
      return repository.startsWith("read/") ? ["pull"] : ["pull", "push"];
    },
    sign: (claims: TokenClaims) => signer.sign(claims, { audience }),
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
    tokens = await TestRegistry.start({ tls: issuer.issue(["tokens.test"]), auth: { bearer } });
    const token = { realm: "https://tokens.test/token", service: SERVICE, issuer: ISSUER };
    const [locked, guarded] = await Promise.all([
      startDockerRegistry({
        auth: true,
        tls: company.issue(["locked.test"]),
        clients: { ca: staff.cert, own: client },
      }),
      startDockerRegistry({
        tls: company.issue(["guarded.test"]),
        token: { ...token, certificate: signer.certificate },
      }),
    ]);
    registries = [locked, guarded];
    named = await startNamedHosts({
      "locked.test": locked.host,
      "guarded.test": guarded.host,
      "tokens.test": tokens.host,
    });
    const layout = join(folder, "layout");
    const newFolder = () => mkdtemp(join(folder, "folder-"));
    luggage = { root: await newFolder(), layout, newFolder };
    const { manifest } = await writeImage(layout, { layers: [{ bytes: 20_000 }] });
    await tagInLayout(layout, "app", manifest);
    await drayageOutput(["import", "--root", luggage.root, layout, "local:v1"]);
    for (const host of ["locked.test", "guarded.test"]) {
      const files = { ...AUTHORITY, ...CLIENT, ...TRUSTED, ...login(host) };
      const { env } = await homeWith(files);
      await skopeo(["copy", `oci:${layout}:app`, `docker://${host}/${APP}`], { env });
    }
  });
  afterEach(() => {
    audience = undefined;
  });
  afterAll(async () => {
    await Promise.all([...registries.map((registry) => registry.stop()), tokens.close()]);
    await named[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function homeWith(files: Readonly<Record<string, string>>) {
    return await writeHome(await luggage.newFolder(), { files, pem: PEM, env: named.env });
  }

  it.each(ROWS)(
    "are pulled from and pushed to by drayage as by skopeo, with the same files: $name",
    { timeout: VISIT_TIMEOUT_MS },
    async (row) => {
      const { host, project, flags, flaws, differs } = row;
      ({ audience } = row);
      const home = await homeWith(row.files);
      const visit = { host, project, home, env: home.env };
      const [ours, theirs] = await Promise.all([
        byDrayage(visit, luggage),
        bySkopeo({ ...visit, flags }, luggage),
      ]);
      const expected = typeof flaws === "object" ? flaws : [flaws, flaws];
      expectFlaws(ours, expected);
      expectAgreement({ ours, theirs }, differs === undefined);
    },
  );

  it.each<[host: string, files: Readonly<Record<string, string>>]>([
    ["locked.test", { ...AUTHORITY, ...CLIENT }],
    ["guarded.test", TRUSTED],
  ])(
    "%s lets somebody log in by drayage who then works by both",
    { timeout: VISIT_TIMEOUT_MS },
    async (host, files) => {
      const home = await homeWith(files);
      const { env } = home;
      const words = ["login", "-u", ACCOUNT.username, "--password-stdin", host];
      const wrong = await drayage(words, { env, input: "wrong" });
      expect(wrong).toMatchObject({ status: 1, stdout: "" });
      const right = await drayage(words, { env, input: ACCOUNT.password });
      expect(right).toMatchObject({ status: 0, stdout: "Login Succeeded\n" });
      const visit = { host, home, env };
      const [ours, theirs] = await Promise.all([byDrayage(visit, luggage), bySkopeo(visit, luggage)]);
      expectFlaws(ours, [undefined, undefined]);
      expectAgreement({ ours, theirs }, true);
    },
  );

  it("lets nobody log in without a client certificate, by drayage or skopeo", async () => {
    const { env } = await homeWith(AUTHORITY);
    const words = ["login", "-u", ACCOUNT.username, "--password-stdin", "locked.test"];
    const input = ACCOUNT.password;
    const [ours, theirs] = await Promise.all([
      drayage(words, { env, input }),
      partOutcome("skopeo", words, { env, input }),
    ]);
    expect([ours.status, theirs.status]).toEqual([1, 1]);
    expect(ours.stderr).toContain("client certificate is missing, or refused by the other side");
  });
});
