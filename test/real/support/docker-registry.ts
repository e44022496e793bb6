import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Agent, type Dispatcher, request } from "undici";
import { type Digest, encodedOf } from "../../../src/digest/digest.ts";
import type { KeyAndCertificate } from "../../../src/testing.ts";
import { type AccessRecord, parseAccessLine } from "./access-log.ts";
import { requirePart } from "./parts.ts";
import { runPart } from "./run-part.ts";

/** The one account of a registry that asks for credentials; the colon in the password is there on purpose. */
export const ACCOUNT = { username: "hauler", password: "short:haul" };

/** bcrypt of the password, which node:crypto does not offer. */
const HTPASSWD = `${ACCOUNT.username}:$2y$05$drayagedrayagedrayageOAoOTXpe/S0Vvmu9Q8mgcJpBDdjqUmTq\n`;

/** How a registry is started. */
export interface DockerRegistryOptions {
  /** Whether every request needs basic auth with `ACCOUNT`. */
  readonly auth?: boolean | undefined;
  /** Makes it ask for a token of this server, which it verifies by itself. */
  readonly token?: TokenAuth | undefined;
  /** Makes it a pull-through cache of the registry at this URL. */
  readonly mirrorOf?: string | undefined;
  /** Where its temporary folder is made; the system's place for such by default. */
  readonly dataFolder?: string | undefined;
  /** Makes it speak HTTPS with this key and certificate (PEM). */
  readonly tls?: KeyAndCertificate | undefined;
  /** Over HTTPS: lets nobody in who shows no certificate of theirs. */
  readonly clients?: ClientAuthority | undefined;
  /** Where it listens, an address of this machine: `127.0.0.1` by default. */
  readonly address?: string | undefined;
}

/** Who vouches for clients. */
interface ClientAuthority {
  /** PEM. */
  readonly ca: string;
  /** What we show ourselves when we ask. */
  readonly own: KeyAndCertificate;
}

/** Whose tokens a registry takes. */
interface TokenAuth {
  /** Where they are to be had. */
  readonly realm: string;
  /** Who they have to be for. */
  readonly service: string;
  readonly issuer: string;
  /** PEM: who may sign them. */
  readonly certificate: string;
}

/** A real registry (CNCF distribution) on this machine, in plain HTTP unless it was told otherwise. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>`, or its other address. */
  readonly host: string;
  /** `http://127.0.0.1:<port>`, or `https:`. */
  readonly url: string;
  /** Its process. */
  readonly pid: number;
  /** Every request that was answered before the call, in the order of their ends. */
  accessLog(): Promise<readonly AccessRecord[]>;
  /** Whether it keeps a blob for a repository, which a cache does some time after it has passed it on. */
  keeps(repository: string, digest: Digest): boolean;
  /** Kills the registry and removes its data. Stopping twice is fine. */
  stop(): Promise<void>;
}

/** User agent of the requests by which `accessLog` finds out that the log is complete. */
const MARKER = "drayage-test-marker";

/** Starts `docker-registry` on a free port of 127.0.0.1 with an empty temporary data folder. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const part = requirePart("docker-registry");
  const folder = await mkdtemp(join(options.dataFolder ?? tmpdir(), "drayage-registry-"));
  const config = join(folder, "config.json");
  await writeFile(join(folder, "htpasswd"), HTPASSWD);
  const { tls, token, clients } = options;
  if (token) await writeFile(join(folder, "token.pem"), token.certificate);
  if (tls) await writeFile(join(folder, "key.pem"), tls.key);
  if (tls) await writeFile(join(folder, "cert.pem"), tls.cert);
  if (clients) await writeFile(join(folder, "clients.pem"), clients.ca);
  await writeFile(config, JSON.stringify(configuration(folder, options)));
  const child = spawn(part.path, ["serve", config], {
    env: { ...process.env, ...part.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  async function stop(): Promise<void> {
    process.off("exit", kill);
    if (child.exitCode === null && child.signalCode === null && kill()) await once(child, "exit");
    await rm(folder, { recursive: true, force: true });
  }
  try {
    const url = `${tls ? "https" : "http"}://${await listening(child)}`;
    return serve(child, { url, folder, log: readLog(child.stdout), stop, own: clients?.own });
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Which CNCF distribution `startDockerRegistry` starts: 2.8 and 3.0 differ in what they keep of a broken upload. */
export async function dockerRegistryVersion(): Promise<{ readonly major: number }> {
  const { stdout } = await runPart("docker-registry", ["--version"]);
  const major = /\sv?(\d+)\.\d/.exec(stdout)?.[1];
  if (major === undefined) throw new Error(`Cannot tell the version of docker-registry from ${stdout}`);
  return { major: Number(major) };
}

/** JSON is YAML, so this is the configuration file that the registry reads. */
function configuration(folder: string, options: DockerRegistryOptions): object {
  const { auth, token, mirrorOf, tls, clients, address = "127.0.0.1" } = options;
  const files = {
    certificate: join(folder, "cert.pem"),
    key: join(folder, "key.pem"),
    ...(clients && { clientcas: [join(folder, "clients.pem")] }),
  };
  const addr = `${isIPv6(address) ? `[${address}]` : address}:0`;
  const basic = { htpasswd: { realm: "drayage tests", path: join(folder, "htpasswd") } };
  return {
    version: "0.1",
    log: { level: "info", formatter: "json", accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
    http: { addr, secret: "one instance needs no shared secret", ...(tls && { tls: files }) },
    ...(auth === true ? { auth: basic } : {}),
    ...(token && { auth: { token: tokenSection(folder, token) } }),
    ...(mirrorOf === undefined ? {} : { proxy: { remoteurl: mirrorOf } }),
  };
}

function tokenSection(folder: string, { realm, service, issuer }: TokenAuth): object {
  return { realm, service, issuer, rootcertbundle: join(folder, "token.pem") };
}

type Server = ChildProcessByStdio<null, Readable, Readable>;

/** The address that the registry says it listens on. Throws when it ends instead. */
function listening(child: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    child.once("error", reject);
    child.once("exit", () =>
      reject(new Error(`Cannot start docker-registry: it ended with ${seen.join("\n")}`)),
    );
    createInterface(child.stderr).on("line", (line) => {
      const host = /"msg":"listening on ([^\s"]+:\d+)(?:, tls)?"/.exec(line)?.[1];
      if (host !== undefined) resolve(host);
      else if (seen.length < 20) seen.push(line);
    });
  });
}

interface Log {
  readonly records: AccessRecord[];
  /** Settles when the log tells a request of this user agent. */
  told(userAgent: string): Promise<void>;
}

function readLog(stdout: Readable): Log {
  const records: AccessRecord[] = [];
  const waiting = new Map<string, () => void>();
  createInterface(stdout).on("line", (line) => {
    const record = parseAccessLine(line);
    if (record === undefined) return;
    if (record.userAgent.startsWith(MARKER)) waiting.get(record.userAgent)?.();
    else records.push(record);
  });
  return {
    records,
    told: (userAgent) => new Promise((resolve) => waiting.set(userAgent, resolve)),
  };
}

interface ServerParts {
  readonly url: string;
  readonly folder: string;
  readonly log: Log;
  readonly stop: () => Promise<void>;
  readonly own: KeyAndCertificate | undefined;
}

function serve({ pid = 0 }: Server, { url, folder, log, stop, own }: ServerParts): DockerRegistry {
  let markers = 0;
  return {
    host: new URL(url).host,
    url,
    pid,
    async accessLog() {
      // A line is written once the response has gone out, so it may come after the answer: a later request's line ends the wait.
      const userAgent = `${MARKER}/${++markers}`;
      const told = log.told(userAgent);
      await askRegistry(`${url}/v2/`, { "user-agent": userAgent }, own);
      await told;
      return [...log.records];
    },
    keeps(repository, digest) {
      const blobs = join(folder, "data/docker/registry/v2/repositories", repository, "_layers/sha256");
      return existsSync(join(blobs, encodedOf(digest), "link"));
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The answer of a registry on this machine, whoever signed its certificate. */
export async function askRegistry(
  url: string,
  headers: Readonly<Record<string, string>>,
  own?: KeyAndCertificate,
): Promise<{ readonly status: number; readonly headers: Dispatcher.ResponseData["headers"] }> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false, ...own } });
  try {
    const { statusCode, headers: got, body } = await request(url, { headers, dispatcher });
    await body.dump();
    return { status: statusCode, headers: got };
  } finally {
    await dispatcher.close();
  }
}
