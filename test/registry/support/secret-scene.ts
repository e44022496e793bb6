import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import type { TLSSocket } from "node:tls";
import { digestOf } from "../../../src/digest/digest.ts";
import type { Credentials } from "../../../src/registry/credentials/credentials.ts";
import { type KeyAndCertificate, selfSigned } from "../../../src/testing.ts";

/** The servers of a scene, each an origin of its own. */
export type ServerName = "registry" | "tokens" | "other" | "mirror";

/** Everything that must not be seen where it does not belong; a server's own name stands for its password. */
export type SecretName =
  | ServerName
  | "identity"
  | "registryToken"
  | "access"
  | "header"
  | "meta"
  | "proxy"
  | "certificate"
  | "otherCertificate";

/** What a server answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** A request as a server got it. */
export interface Received {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly authorization: string | undefined;
}

/** How the servers of a scene behave. */
export interface SceneRules {
  /** Servers that speak TLS, and ask for a certificate. */
  readonly tls?: readonly ServerName[];
  /** `WWW-Authenticate` of the registry and the mirror to strangers; `undefined` for none at all. */
  readonly challenge?: (scene: Scene) => string | readonly string[] | undefined;
  /** What a server does before anything else; `undefined` for what it usually does. */
  readonly answers?: Partial<Record<ServerName, (request: Received, scene: Scene) => Answer | undefined>>;
}

/** Servers that keep all that they are sent. */
export interface Scene extends AsyncDisposable {
  readonly origins: Readonly<Record<ServerName, string>>;
  readonly hosts: Readonly<Record<ServerName, string>>;
  /** A CONNECT proxy in front of all servers, which sends every name to the registry. */
  readonly proxyUrl: string;
  /** What servers with TLS show, and what a client of the registry may show. */
  readonly certificate: KeyAndCertificate;
  /** What a client of another server may show. */
  readonly otherCertificate: KeyAndCertificate;
  /** The secrets that came, by server; below `/back` they are counted as "back", at the proxy as "proxy". */
  seen(): Readonly<Record<string, readonly SecretName[]>>;
  /** The servers that were asked anything, under the same names. */
  reached(): readonly string[];
}

const NAMES: readonly ServerName[] = ["registry", "tokens", "other", "mirror"];

/** What is in the repository `team/app` of every server. */
export const LAYER = "the bytes of a layer";
const CONFIG = '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}';

/** User and password of a server. */
export function loginOf(server: ServerName): Credentials {
  return { username: "ann", password: `password-of-${server}` };
}

const TEXTS: Readonly<Record<Exclude<SecretName, "certificate" | "otherCertificate">, readonly string[]>> = {
  ...(Object.fromEntries(NAMES.map((name) => [name, formsOf("ann", `password-of-${name}`)])) as Record<
    ServerName,
    readonly string[]
  >),
  identity: ["identity-t0ken"],
  registryToken: ["registry-t0ken"],
  access: ["access-t0ken"],
  header: ["header-s3cret"],
  meta: ["meta-s3cret"],
  proxy: formsOf("proxy-user", "proxy-s3cret"),
};

function formsOf(user: string, password: string): readonly string[] {
  return [password, btoa(`${user}:${password}`)];
}

/** Starts the servers; dispose of the scene to stop them. */
export async function secretScene(rules: SceneRules = {}): Promise<Scene> {
  const certificate = selfSigned();
  const otherCertificate = selfSigned();
  const sightings: { readonly where: string; readonly secrets: readonly SecretName[] }[] = [];
  const servers = NAMES.map((name) => {
    const serve = (incoming: IncomingMessage, response: ServerResponse) =>
      void take(name, incoming, response);
    return rules.tls?.includes(name)
      ? createTlsServer({ ...certificate, requestCert: true, rejectUnauthorized: false }, serve)
      : createServer(serve);
  });
  const proxy = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => {
      note("proxy", head.toString("latin1"));
      const behind = connect(portOf(servers[0]), "127.0.0.1");
      behind.on("error", () => socket.destroy()).on("close", () => socket.destroy());
      socket.on("close", () => behind.destroy());
      if (head.toString("latin1").startsWith("CONNECT ")) socket.write("HTTP/1.1 200 OK\r\n\r\n");
      else behind.write(head);
      socket.pipe(behind).pipe(socket);
    });
  });
  for (const server of [...servers, proxy]) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
  const hosts = byName((index) => `127.0.0.1:${portOf(servers[index])}`);
  const scene: Scene = {
    certificate,
    otherCertificate,
    hosts,
    origins: byName(
      (index, name) =>
        `${rules.tls?.includes(name) ? "https" : "http"}://127.0.0.1:${portOf(servers[index])}`,
    ),
    proxyUrl: `http://proxy-user:proxy-s3cret@127.0.0.1:${portOf(proxy)}`,
    seen: () => collected(sightings),
    reached: () => [...new Set(sightings.map(({ where }) => where))].toSorted(),
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.closeAllConnections();
      for (const server of [...servers, proxy]) server.close();
    },
  };
  return scene;

  function note(where: string, text: string, shown: readonly SecretName[] = []): void {
    const found = (Object.keys(TEXTS) as (keyof typeof TEXTS)[]).filter((name) =>
      TEXTS[name].some((secret) => text.includes(secret)),
    );
    sightings.push({ where, secrets: [...found, ...shown] });
  }

  function shownBy({ socket }: IncomingMessage): readonly SecretName[] {
    const shown = (socket as TLSSocket).getPeerX509Certificate?.();
    if (!shown) return [];
    return shown.toString() === certificate.cert ? ["certificate"] : ["otherCertificate"];
  }

  async function take(server: ServerName, incoming: IncomingMessage, response: ServerResponse) {
    const { method = "", url: path = "", rawHeaders, headers } = incoming;
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    const where = path.startsWith("/back") ? "back" : server;
    note(where, [method, path, ...rawHeaders, body].join("\n"), shownBy(incoming));
    const request = { method, path, authorization: headers.authorization };
    const answer =
      rules.answers?.[server]?.(request, scene) ?? usual(server, request, rules.challenge?.(scene));
    response.writeHead(answer.status, answer.headers as Record<string, string | string[]>).end(answer.body);
  }
}

function byName<T>(make: (index: number, name: ServerName) => T): Record<ServerName, T> {
  return Object.fromEntries(NAMES.map((name, index) => [name, make(index, name)])) as Record<ServerName, T>;
}

function portOf(server: Pick<Server, "address"> | undefined): number {
  const address = server?.address() as AddressInfo | undefined;
  return address?.port ?? 0;
}

function collected(
  sightings: readonly { readonly where: string; readonly secrets: readonly SecretName[] }[],
) {
  const all = new Map<string, Set<SecretName>>();
  for (const { where, secrets } of sightings) {
    for (const secret of secrets) all.set(where, (all.get(where) ?? new Set()).add(secret));
  }
  return Object.fromEntries([...all].map(([where, secrets]) => [where, [...secrets].toSorted()]));
}

/** What a server of that name usually does. */
function usual(
  server: ServerName,
  request: Received,
  challenge: string | readonly string[] | undefined,
): Answer {
  if (server === "tokens") return { status: 200, body: JSON.stringify({ token: "access-t0ken" }) };
  const guarded = server === "registry" || server === "mirror";
  if (guarded && challenge !== undefined && !isKnown(server, request)) {
    return { status: 401, headers: { "www-authenticate": challenge } };
  }
  return content(request);
}

function isKnown(server: ServerName, { authorization = "" }: Received): boolean {
  return [...TEXTS[server], ...TEXTS.access, ...TEXTS.registryToken].some((text) =>
    authorization.includes(text),
  );
}

/** A repository with one image, which takes everything. */
function content({ method, path }: Received): Answer {
  if (path.includes("/manifests/")) return method === "PUT" ? { status: 201 } : manifest();
  if (path.includes("/tags/list")) return { status: 200, body: '{"name":"team/app","tags":["v1"]}' };
  if (path.includes("/referrers/")) return { status: 404 };
  if (path.includes("/uploads/")) return upload(method);
  if (path.includes(digestOf(CONFIG))) return { status: 200, body: CONFIG };
  if (path.includes("/blobs/") || path.startsWith("/back")) return { status: 200, body: LAYER };
  return { status: 200, body: "{}" };
}

function upload(method: string): Answer {
  const headers = { location: "/v2/team/app/blobs/uploads/next" };
  return { status: method === "PUT" ? 201 : 202, headers };
}

/** The manifest, with the layer at `urls` where they are given. */
export function manifest(urls?: readonly string[]): Answer {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const layerType = "application/vnd.oci.image.layer.v1.tar";
  const config = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: digestOf(CONFIG),
    size: CONFIG.length,
  };
  const layer = { mediaType: layerType, digest: digestOf(LAYER), size: LAYER.length, ...(urls && { urls }) };
  const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] });
  const headers = {
    "content-type": mediaType,
    "content-length": `${body.length}`,
    "docker-content-digest": digestOf(body),
  };
  return { status: 200, headers, body };
}
