import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DistributionOptions } from "../../src/index.ts";
import { buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { type Engine, openEngine } from "./support/engine.ts";

const ANN = { username: "ann", password: "s3cret" };

let folder: string;
let open: AsyncDisposable[];
let server: Awaited<ReturnType<typeof askingForCertificates>>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-changed-"));
  open = [];
});

afterEach(async () => {
  for (const one of open.toReversed()) await one[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function registry(options: Parameters<typeof TestRegistry.start>[0] = {}): Promise<TestRegistry> {
  const started = await TestRegistry.start(options);
  open.push(started);
  for (const name of ["app", "library/app"]) await buildImage(started, name, { tag: "v1", layers: [100] });
  return started;
}

async function engine(options: Partial<DistributionOptions>): Promise<Engine> {
  const opened = await openEngine(options);
  open.push(opened);
  return opened;
}

/** Writes a file, or puts another one in its place. */
async function write(path: string, text: string, { inPlace = false } = {}): Promise<void> {
  const full = join(folder, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(inPlace ? full : `${full}.new`, text);
  if (!inPlace) await rename(`${full}.new`, full);
}

type Write = (one: TestRegistry) => Promise<void>;

const locationOf = (host: string) => `[[registry]]\nprefix = "registry.test"\nlocation = "${host}"\n`;

/** A proxy for plain requests to any host, which are made to this machine. */
async function forwardingProxy() {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? "");
    const { port, pathname, search } = new URL(request.url ?? "");
    const onward = httpRequest(
      { port, path: pathname + search, method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  const { port } = await listening(proxy);
  return { asked, url: `http://127.0.0.1:${port}` };
}

/** A proxy that makes tunnels to one registry, wherever they are to lead. */
async function tunnelTo({ url }: TestRegistry) {
  const proxy = createServer().on("connect", (_request, socket) => {
    const target = connect(Number(new URL(url).port), "127.0.0.1", () =>
      socket.write("HTTP/1.1 200 OK\r\n\r\n"),
    );
    target.on("error", () => socket.destroy());
    socket.on("error", () => target.destroy());
    socket.pipe(target).pipe(socket);
  });
  return { url: `http://127.0.0.1:${(await listening(proxy)).port}` };
}

/** A server that has nothing, and notes the certificates that it is shown. */
async function askingForCertificates() {
  const shown: string[] = [];
  const own = selfSigned();
  const asking = createTlsServer(
    { ...own, requestCert: true, rejectUnauthorized: false },
    ({ socket }: IncomingMessage, response: ServerResponse) => {
      shown.push((socket as TLSSocket).getPeerX509Certificate()?.toString() ?? "none");
      response.writeHead(404).end();
    },
  );
  return { shown, host: `127.0.0.1:${(await listening(asking)).port}` };
}

async function listening(server: Server): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return server.address() as AddressInfo;
}

describe("a running engine", () => {
  it.each<[name: string, reference: string, write: Write]>([
    [
      "hosts.toml",
      "registry.test/app:v1",
      ({ url }) => write("hosts/registry.test/hosts.toml", `server = "${url}"\n`),
    ],
    [
      "hosts.toml in place",
      "registry.test/app:v1",
      ({ url }) => write("hosts/registry.test/hosts.toml", `server = "${url}"\n`, { inPlace: true }),
    ],
    ["registries.conf", "registry.test/app:v1", ({ host }) => write("registries.conf", locationOf(host))],
    ["a drop-in", "registry.test/app:v1", ({ host }) => write("conf.d/1.conf", locationOf(host))],
    [
      "the mirrors of daemon.json",
      "library/app:v1",
      ({ url }) => write("daemon.json", JSON.stringify({ "registry-mirrors": [url] })),
    ],
  ])("goes by %s as it is now", async (_, reference, configure) => {
    const [first, second] = [await registry(), await registry()];
    const puller = await engine({
      registry: {
        plainHttp: false,
        hostsDir: join(folder, "hosts"),
        registriesConf: [join(folder, "registries.conf"), join(folder, "conf.d")],
        daemonConfig: join(folder, "daemon.json"),
      },
    });
    for (const now of [first, second, first]) {
      const before = [first, second].map(({ requests }) => requests.length);
      await configure(now);
      await puller.pull(reference);
      const asked = [first, second].filter(({ requests }, at) => requests.length > (before[at] ?? 0));
      expect(asked.map(({ host }) => host)).toEqual([now.host]);
    }
  });

  it("goes by the first daemon.json that is there, and by none that has gone", async () => {
    const mirror = await registry();
    const places = ["own.json", "machine.json"];
    const puller = await engine({
      registry: { plainHttp: false, daemonConfig: places.map((place) => join(folder, place)) },
      connection: { proxy: { hosts: { "registry-1.docker.io": "http://127.0.0.1:1" } } }, // it is not reached
      maxDownloadAttempts: 1,
    });
    const mirrors = JSON.stringify({ "registry-mirrors": [mirror.url] });
    await write("machine.json", mirrors);
    await puller.pull("library/app:v1");
    await write("own.json", "{}");
    const { length } = mirror.requests;
    await expect(puller.pull("library/app:v1")).rejects.toThrow();
    expect(mirror.requests).toHaveLength(length);
    await rm(join(folder, "own.json"));
    await puller.pull("library/app:v1");
    expect(mirror.requests.length).toBeGreaterThan(length);
  });

  it("goes through the proxies that daemon.json names now", async () => {
    const [origin, first, second] = [await registry(), await forwardingProxy(), await forwardingProxy()];
    const puller = await engine({
      registry: { plainHttp: true, daemonConfig: join(folder, "daemon.json") },
    });
    for (const now of [first, second, first]) {
      await write("daemon.json", JSON.stringify({ proxies: { "http-proxy": now.url } }));
      const before = [first, second].map(({ asked }) => asked.length);
      await puller.pull(`registry.test:${new URL(origin.url).port}/app:v1`);
      const used = [first, second].filter(({ asked }, at) => asked.length > (before[at] ?? 0));
      expect(used.map(({ url }) => url)).toEqual([now.url]);
    }
    await write("daemon.json", `{\n  "proxies": { "http-proxy": "socks5://127.0.0.1:1" }\n}`);
    await expect(puller.pull(`registry.test:${new URL(origin.url).port}/app:v1`)).rejects.toThrow(
      `daemon.json", line 2, column 30: http-proxy: got scheme socks5:, wanted an http or https URL, or host:port`,
    );
  });

  it.each(["config.json", "auth.json"])("knows a user by %s as it is now", async (file) => {
    const { host } = await registry({ auth: { basic: ANN } });
    const puller = await engine({
      credentials: { authFile: join(folder, "auth.json"), dockerConfigDir: folder },
    });
    const login = (name: string, password: string) =>
      write(file, JSON.stringify({ auths: { [host]: { auth: btoa(`${name}:${password}`) } } }));
    await login("ann", "s3cret");
    await puller.pull(`${host}/app:v1`);
    await login("bob", "s3cret");
    await expect(puller.pull(`${host}/app:v1`)).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    await login("ann", "s3cret");
    await puller.pull(`${host}/app:v1`);
    await rm(join(folder, file));
    await expect(puller.pull(`${host}/app:v1`)).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
  });
});

/** Writes an authority for `tls.test` wherever it may be named. */
async function writeAuthority(pem: string): Promise<void> {
  await write("hosts/tls.test/hosts.toml", 'server = "https://tls.test"\nca = "ca.crt"\n');
  for (const path of ["hosts/tls.test/ca.crt", "certs/tls.test/ca.crt", "ca.crt"]) await write(path, pem);
}

describe("a running engine, of certificates", () => {
  it.each<[name: string, options: () => DistributionOptions["registry"]]>([
    ["named in hosts.toml", () => ({ hostsDir: join(folder, "hosts") })],
    ["named in its options", () => ({ tls: { "tls.test": { caFile: join(folder, "ca.crt") } } })],
    ["in docker's layout", () => ({ certsDir: join(folder, "certs") })],
  ])("checks those of a server by the authority that is %s now", async (_, options) => {
    const [good, other] = [selfSigned(["tls.test"]), selfSigned(["tls.test"])];
    const server = await registry({ tls: good });
    const puller = await engine({
      registry: { plainHttp: false, ...options() },
      connection: { proxy: { hosts: { "tls.test": (await tunnelTo(server)).url } } },
      maxDownloadAttempts: 1,
    });
    await writeAuthority(good.cert);
    await puller.pull("tls.test/app:v1");
    await writeAuthority(other.cert);
    await expect(puller.pull("tls.test/app:v1")).rejects.toThrow(/certificate/);
    await writeAuthority(good.cert + other.cert);
    await puller.pull("tls.test/app:v1");
  });

  it.each<[name: string, options: () => DistributionOptions["registry"]]>([
    ["that docker's layout has", () => ({ certsDir: join(folder, "certs") })],
    [
      "that its options name",
      () => ({
        tls: {
          [server.host]: {
            certFile: join(folder, `certs/${server.host}/client.cert`),
            keyFile: join(folder, `certs/${server.host}/client.key`),
          },
        },
      }),
    ],
  ])("shows the one %s now", async (_, options) => {
    server = await askingForCertificates();
    const puller = await engine({ registry: { plainHttp: false, ...options() }, maxDownloadAttempts: 1 });
    for (const pair of [selfSigned(["first"]), selfSigned(["second"])]) {
      await write(`certs/${server.host}/client.cert`, pair.cert);
      await write(`certs/${server.host}/client.key`, pair.key);
      server.shown.length = 0;
      await expect(puller.pull(`${server.host}/app:v1`)).rejects.toMatchObject({ code: "ERR_NO_SUPPORT" });
      expect(new Set(server.shown)).toEqual(new Set([pair.cert]));
    }
  });
});
