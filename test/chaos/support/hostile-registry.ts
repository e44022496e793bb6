import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { isAwaited } from "./awaited.ts";
import { answer, FAULTS, type FaultContext, type Honest } from "./faults.ts";
import { type Seeded, seeded } from "./seeded.ts";
import { PushedContent } from "./uploads.ts";
import { sha256, type World } from "./world.ts";

/** With characters that URLs and forms spell in other ways. */
const PASSWORD = "canary/pass word+1=";

/** What nobody but its own origin may ever see; each turns up in no error, line of progress, log or event. */
export const SECRETS = {
  user: "robot",
  password: PASSWORD,
  basic: Buffer.from(`robot:${PASSWORD}`).toString("base64"),
  token: "canary-token",
  signature: "canary-signature",
} as const;

/** How bad the world is. */
export interface HostileOptions {
  readonly seed: string;
  readonly world: World;
  /** The data root that pulls from here: what is on disk there must not be asked for again. */
  readonly root: string;
  /** Share of requests that go wrong, 0 to 1; may be changed while it runs. */
  faultRate: number;
}

/**
 * A registry with a token server and a storage of signed URLs, each at an origin of its own, that goes wrong on
 * purpose. It shares no code with drayage, nor with the registry that drayage ships for tests.
 */
export class HostileRegistry implements AsyncDisposable {
  readonly options: HostileOptions;
  /** What drayage did that it must never do. */
  readonly violations: string[] = [];
  /** Faults that were really committed, by name. */
  readonly faults = new Map<string, number>();
  readonly pushed = new PushedContent();
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();
  readonly #asked = new Map<string, number>();
  #tokens = 0;
  #requests = 0;
  /** Who is told of a request, by its number. */
  readonly #awaited = new Map<number, () => void>();

  private constructor(options: HostileOptions) {
    this.options = options;
    this.#servers = [
      this.#serve((request, response) => this.#registry(request, response)),
      this.#serve((request, response) => this.#storage(request, response)),
      this.#serve((request, response) => this.#tokenServer(request, response)),
    ];
  }

  static async start(options: HostileOptions): Promise<HostileRegistry> {
    const registry = new HostileRegistry(options);
    await Promise.all(
      registry.#servers.map(
        (server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)),
      ),
    );
    return registry;
  }

  /** `127.0.0.1:<port>` of the registry itself. */
  get host(): string {
    return this.#host(0);
  }

  /** Resolves when the registry has been asked so many more times. */
  asked(count: number): Promise<void> {
    return new Promise((resolve) => void this.#awaited.set(this.#requests + count, resolve));
  }

  /** Connections that the client has not closed. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Number of faults committed so far. */
  get faultCount(): number {
    return [...this.faults.values()].reduce((sum, count) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  #host(index: number): string {
    const address = this.#servers[index]?.address();
    const port = typeof address === "object" ? address?.port : undefined;
    return `127.0.0.1:${port}`;
  }

  #serve(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Server {
    const server = createServer((request, response) => {
      response.on("error", () => {});
      handle(request, response).catch(() => response.destroy()); // the client has left in the middle
    });
    server.keepAliveTimeout = 0;
    server.on("clientError", (_error, socket) => socket.destroy());
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    });
    return server;
  }

  /** The randomness of this request: by what it asks and how often that was asked, not by when it came. */
  #random({ method = "", url = "" }: IncomingMessage): Seeded {
    const key = `${method} ${url.split("?")[0]}`;
    const count = (this.#asked.get(key) ?? 0) + 1;
    this.#asked.set(key, count);
    return seeded(`${this.options.seed} ${key} ${count}`);
  }

  async #registry(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `http://${this.host}`);
    const random = this.#random(request);
    this.#awaited.get(++this.#requests)?.();
    if (!this.#authorized(request, response, random)) return;
    await this.#checkWanted(request, url);
    const fault = random.chance(this.options.faultRate)
      ? random.pick(FAULTS.filter(({ on }) => on(request)))
      : undefined;
    const honest = this.#honest(request, url);
    const name = url.pathname.split("/").at(-1) ?? "";
    const signedUrl = `http://${this.#host(1)}/bucket/${name}?X-Amz-Signature=${SECRETS.signature}`;
    if (fault) {
      this.#count(fault.name);
      if (request.method !== "GET" && request.method !== "HEAD") request.resume();
      await fault.run({ request, response, random, honest, signedUrl });
      return;
    }
    if (
      request.method !== "GET" &&
      request.method !== "HEAD" &&
      (await this.pushed.handle(request, response, url))
    )
      return;
    if (request.method === "GET" && url.pathname.includes("/blobs/uploads/")) {
      await this.pushed.handle(request, response, url);
      return;
    }
    const elsewhere =
      honest.status < 300 &&
      request.method === "GET" &&
      url.pathname.includes("/blobs/") &&
      random.chance(0.3);
    if (elsewhere) response.writeHead(307, { location: signedUrl }).end();
    else answer({ request, response, honest });
  }

  #authorized(request: IncomingMessage, response: ServerResponse, random: Seeded): boolean {
    const given = request.headers.authorization ?? "";
    const stale = random.chance(this.options.faultRate / 10);
    if (given.startsWith(`Bearer ${SECRETS.token}`) && !stale) return true;
    if (given !== "" && !given.startsWith(`Bearer ${SECRETS.token}`)) {
      this.violations.push(`the registry was shown something that is not its token: ${given.slice(0, 10)}`);
    }
    request.resume();
    const scope = `repository:${/^\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)\//.exec(request.url ?? "")?.[1] ?? ""}:pull,push`;
    response.writeHead(401, {
      "www-authenticate": `Bearer realm="http://${this.#host(2)}/token",service="hostile",scope="${scope}"${stale ? ',error="invalid_token"' : ""}`,
    });
    response.end();
    return false;
  }

  /**
   * What is in the root is known to be right, so that nobody has a reason to ask for it again. A request that is read late may be older
   * than what is in the root; then whoever sent it is gone.
   */
  async #checkWanted(request: IncomingMessage, { pathname }: URL): Promise<void> {
    const [, hex] = /\/(?:blobs|manifests)\/sha256:([0-9a-f]{64})$/.exec(pathname) ?? [];
    if (request.method !== "GET" || hex === undefined) return;
    if (!existsSync(join(this.options.root, "blobs", "sha256", hex))) return;
    if (await isAwaited(request)) this.violations.push(`fetched again: ${pathname}`);
  }

  #honest({ headers }: IncomingMessage, { pathname }: URL): Honest {
    const { world } = this.options;
    const [, repository = "", kind = "", name = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
    if (pathname === "/v2/") return { status: 200, headers: {}, body: Buffer.from("{}") };
    if (kind === "manifests") {
      const digest = name.startsWith("sha256:")
        ? name
        : (world.tags.get(`${repository}:${name}`) ?? this.pushed.tags.get(`${repository}:${name}`));
      const document = world.documents.get(digest ?? "") ?? this.pushed.documents.get(digest ?? "");
      if (!document || digest === undefined) return unknown("MANIFEST_UNKNOWN");
      return whole(document.bytes, { "content-type": document.mediaType, "docker-content-digest": digest });
    }
    const pushedHere = repository.startsWith("pushed/");
    const blob = (pushedHere ? this.pushed.blobs : world.blobs).get(name);
    if (!blob) return unknown("BLOB_UNKNOWN");
    return ranged(blob, headers.range, {
      "content-type": "application/octet-stream",
      "docker-content-digest": name,
    });
  }

  async #storage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://storage");
    if (request.headers.authorization !== undefined)
      this.violations.push("the storage was shown credentials");
    if (request.headers.cookie !== undefined) this.violations.push("the storage was shown a cookie");
    const name = url.pathname.split("/").at(-1) ?? "";
    const blob = this.options.world.blobs.get(name) ?? this.pushed.blobs.get(name);
    const random = this.#random(request);
    const honest =
      blob && url.searchParams.get("X-Amz-Signature") === SECRETS.signature
        ? ranged(blob, request.headers.range, {})
        : unknown("DENIED");
    if (random.chance(this.options.faultRate / 2)) this.#failStorage({ request, response, honest, random });
    else answer({ request, response, honest });
  }

  /** Storages repeat what they were asked, signature and all, and a broken proxy before them leaves half a header. */
  #failStorage({ request, response, honest, random }: Omit<FaultContext, "signedUrl">): void {
    const { url = "", headers } = request;
    const says = [
      `Request has expired: GET ${url}`,
      `<Error><Code>AccessDenied</Code><Message>${url.replaceAll("&", "&amp;")}</Message><Host>${headers.host ?? ""}${url}</Host></Error>`,
      JSON.stringify({ error: { message: `${headers.host ?? ""}${url}`.replaceAll("/", "\\/") } }),
    ];
    this.#count("storage");
    const kind = random.int(says.length + 4);
    if (kind < says.length) response.writeHead(random.pick([400, 403, 404, 500, 503])).end(says[kind]);
    else if (kind === says.length) request.socket.resetAndDestroy();
    else if (kind === says.length + 1) {
      request.socket.end(
        `HTTP/1.1 307 Temporary Redirect\r\nBad Header\r\nLocation: http://other.example${url}\r\nSet-Cookie: session=${SECRETS.signature}\r\n\r\n`,
      );
    } else {
      response.writeHead(honest.status, honest.headers);
      response.write(honest.body.subarray(0, random.int(honest.body.length + 1)), () =>
        response.socket?.destroy(),
      );
    }
  }

  #count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  async #tokenServer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const random = this.#random(request);
    const form = await text(request);
    const given = request.headers.authorization;
    if (given !== undefined && given !== `Basic ${SECRETS.basic}`)
      this.violations.push("the token server was shown something else than the credentials");
    if (random.chance(this.options.faultRate / 4)) {
      this.#count("token server");
      const fault = random.pick(TOKEN_FAULTS);
      fault(response, `${form} ${given ?? ""}`);
      return;
    }
    const known = given !== undefined || new URLSearchParams(form).get("password") === SECRETS.password;
    if (!known) {
      response.writeHead(401).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    const token = `${SECRETS.token}-${++this.#tokens}`;
    response.end(JSON.stringify({ token, access_token: token, expires_in: 300 }));
  }
}

/** What goes wrong at the token server; it may repeat what it was told. */
const TOKEN_FAULTS: readonly ((response: ServerResponse, told: string) => void)[] = [
  (response) => response.socket?.destroy(),
  (response) => void response.writeHead(503).end(),
  (response) => void response.writeHead(200).end("not json"),
  (response) => void response.writeHead(405).end(),
  (response, told) =>
    void response
      .writeHead(400)
      .end(JSON.stringify({ error: "invalid_request", error_description: `cannot grant: ${told}` })),
  (response, told) =>
    void response
      .writeHead(500)
      .end(JSON.stringify({ errors: [{ code: "UNKNOWN", message: `bad ${told}` }] })),
];

function unknown(code: string): Honest {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message: "not here" }] }));
  return {
    status: 404,
    headers: { "content-type": "application/json", "content-length": body.length },
    body,
  };
}

function whole(body: Buffer, headers: Record<string, string>): Honest {
  return { status: 200, headers: { ...headers, "content-length": body.length }, body };
}

function ranged(body: Buffer, range: string | undefined, headers: Record<string, string>): Honest {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  if (from === 0) return whole(body, headers);
  if (from >= body.length)
    return {
      status: 416,
      headers: { "content-range": `bytes */${body.length}`, "content-length": 0 },
      body: Buffer.alloc(0),
    };
  const part = body.subarray(from);
  return {
    status: 206,
    headers: {
      ...headers,
      "content-length": part.length,
      "content-range": `bytes ${from}-${body.length - 1}/${body.length}`,
    },
    body: part,
  };
}

/** Throws when a registry names content that it does not have: a push must never leave such a tag. */
export function assertComplete({ pushed }: HostileRegistry): void {
  for (const [tag, digest] of pushed.tags) {
    const missing = missingBelow(pushed, digest);
    if (missing.length > 0) throw new Error(`The registry's ${tag} lacks ${missing.join(", ")}`);
  }
}

function missingBelow(pushed: PushedContent, digest: string): readonly string[] {
  const document = pushed.documents.get(digest);
  if (!document) return [digest];
  if (sha256(document.bytes) !== digest) return [`right bytes of ${digest}`];
  const {
    manifests = [],
    config,
    layers = [],
  } = JSON.parse(document.bytes.toString()) as Record<string, never[]> & { config?: { digest: string } };
  const blobs = [config, ...(layers as { digest: string }[])].filter((blob) => blob !== undefined);
  return [
    ...(manifests as { digest: string }[]).flatMap((entry) => missingBelow(pushed, entry.digest)),
    ...blobs.filter((blob) => !pushed.blobs.has(blob.digest)).map((blob) => blob.digest),
  ];
}
