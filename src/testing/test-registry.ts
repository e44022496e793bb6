import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type Digest, Digester, digestOf, isDigest } from "../digest/digest.ts";
import { ErrFailedPrecondition, ErrInvalidArgument, ErrNotFound } from "../errors/classes.ts";
import { messageOf } from "../errors/message-of.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type ApiOptions, habitsOf } from "./api/api-options.ts";
import { storeManifest } from "./api/handle-manifest.ts";
import { RegistryApi } from "./api/registry-api.ts";
import { type Fault, type FaultAction, type FaultMatch, FaultScript } from "./faults/fault.ts";
import { scriptedRange, scriptedReply } from "./faults/fault-reply.ts";
import { sendReply } from "./faults/send-reply.ts";
import { needsOtherHost } from "./habits/habits.ts";
import { Connections } from "./http/connections.ts";
import { Exchange } from "./http/exchange.ts";
import { hostOf, type ListenOptions, listen, stop } from "./http/listen.ts";
import { type Call, type Reply, refuse } from "./http/reply.ts";
import { RequestLog, type WaitForOptions } from "./http/request-log.ts";
import type { RequestRecord } from "./http/request-record.ts";
import { isRepositoryName, isTag, parseRoute, type Route } from "./http/route.ts";
import { type ProfileName, withProfile } from "./profiles/profiles.ts";
import {
  type BlobContent,
  type GeneratedBytes,
  generatedContent,
  memoryContent,
  seededBytes,
} from "./storage/content.ts";
import type { StoredManifest } from "./storage/storage.ts";
import type { V1Images } from "./v1/v1-images.ts";

/** How `TestRegistry.start` sets the registry up. */
export interface TestRegistryOptions extends ApiOptions, ListenOptions {
  /**
   * Behave like this product: its habits are those that `habits` and the other options start from.
   * @defaultValue none: the specification by the letter
   * @example profile: "harbor"
   */
  readonly profile?: ProfileName | undefined;
}

/** A manifest that the registry holds. */
export type HeldManifest = Pick<StoredManifest, "digest" | "mediaType" | "bytes">;

/** What `putBlob` takes: bytes, a stream of them (kept in a temporary file), or a rule that makes them. */
export type BlobSource = Uint8Array | AsyncIterable<Uint8Array> | GeneratedBytes;

/** Bytes that are made when they are asked for. */
export interface GeneratedBlobOptions {
  /**
   * How many.
   * @unit bytes
   * @example size: 8 * 1024 ** 3, seed: "a"
   */
  readonly size: number;
  /**
   * Which ones: the same size and seed are the same bytes.
   * @example size: 1_000_000, seed: "b"
   */
  readonly seed: string;
}

/**
 * A registry inside this process, for tests: the OCI distribution API over real sockets, honest unless a fault is
 * scripted. What it is given lives until `close`.
 */
export class TestRegistry implements AsyncDisposable {
  /** Host and port, as in an image reference: `127.0.0.1:41234`. */
  readonly host: string;
  /** Base URL without a slash at the end: `http://127.0.0.1:41234`. */
  readonly url: string;
  /** Host and port of storage and token server, where they have a host of their own. */
  readonly elsewhere: string | undefined;
  readonly #servers: readonly Server[];
  readonly #api: RegistryApi;
  readonly #tokenPath: string;
  readonly #log = new RequestLog();
  readonly #faults = new FaultScript();
  readonly #connections = new Connections();
  readonly #running = new Set<Promise<void>>();

  private constructor([server, other]: readonly [Server, Server?], options: ApiOptions & ListenOptions) {
    const scheme = options.tls ? "https" : "http";
    this.host = hostOf(server);
    this.url = `${scheme}://${this.host}`;
    this.elsewhere = other && hostOf(other);
    const elsewhere = this.elsewhere && `${scheme}://${this.elsewhere}`;
    this.#servers = other ? [server, other] : [server];
    this.#api = new RegistryApi(options, { scheme, elsewhere });
    this.#tokenPath = habitsOf(options).tokens.path;
    for (const [one, at] of [[server, "own"] as const, [other, "other"] as const]) {
      one?.on("connection", (socket) => this.#connections.add(socket));
      one?.on("request", (request, response) => this.#accept(request, response, at));
    }
  }

  /** Starts a registry. The caller closes it. Throws `ErrInvalidArgument` for a profile or switch that there is not. */
  static async start(given: TestRegistryOptions = {}): Promise<TestRegistry> {
    const options = withProfile(given);
    const server = await listen(options);
    if (!needsOtherHost(habitsOf(options))) return new TestRegistry([server], options);
    try {
      return new TestRegistry([server, await listen({ ...options, port: 0 })], options);
    } catch (error) {
      await stop(server);
      throw error;
    }
  }

  /** Every request so far, oldest first. The array and its records are live. */
  get requests(): readonly RequestRecord[] {
    return this.#log.records;
  }

  /** The most TCP connections that were open at the same time. */
  get mostConnections(): number {
    return this.#connections.most;
  }

  /** Number of TCP connections that are open now. */
  get openConnections(): number {
    return this.#connections.size;
  }

  /** The first request, past or future, that `match` accepts, once it started (or is over, see the options). */
  waitFor(match: (request: RequestRecord) => boolean, options?: WaitForOptions): Promise<RequestRecord> {
    return this.#log.waitFor(match, options);
  }

  /** Scripts a fault. Earlier ones go first; a request gets one fault at most. */
  fault(match: FaultMatch, action: FaultAction): Fault {
    return this.#faults.add(match, action);
  }

  /** Makes every token issued so far invalid, as if it had expired, and ends sessions of version 1. Refresh tokens stay. */
  revokeTokens(): void {
    this.#api.tokens.revoke();
    this.#api.v1?.access.revoke();
  }

  /** What it holds for clients of version 1. Throws `ErrFailedPrecondition` unless it was started with `v1`. */
  get v1(): V1Images {
    if (this.#api.v1) return this.#api.v1.images;
    throw new ErrFailedPrecondition("Use version 1: the registry was started without it");
  }

  /** Makes every signed address of a blob that was given so far invalid, as if its time were over. */
  expireLinks(): void {
    this.#api.links?.expire();
  }

  /** Makes an empty repository, for registries that do not begin one by a push. */
  addRepository(name: string): void {
    checkName(name);
    this.#api.storage.repository(name);
  }

  /** Adds a blob. Bytes given as an array are kept, not copied. Throws `ErrInvalidArgument` for a bad name. */
  async putBlob(repository: string, source: BlobSource): Promise<Descriptor> {
    checkName(repository);
    const [digest, content] = await this.#take(source);
    this.#api.storage.repository(repository).blobs.set(digest, content);
    return { mediaType: "application/octet-stream", digest, size: content.size };
  }

  /** Adds a blob of pseudo-random bytes that are never stored: its size in bytes costs neither memory nor disk. */
  putGeneratedBlob(repository: string, options: GeneratedBlobOptions): Promise<Descriptor> {
    return this.putBlob(repository, { size: options.size, generate: seededBytes(options.seed) });
  }

  /**
   * Adds a manifest under a tag or its digest (`undefined`: its digest), whatever the bytes are and whether or not what
   * they name is there. Throws `ErrInvalidArgument` for a bad name or tag, or the digest of other bytes.
   */
  putManifest(
    repository: string,
    reference: string | undefined,
    bytes: Uint8Array | string,
    mediaType: string,
  ): Descriptor {
    checkName(repository);
    if (reference !== undefined && !isTag(reference) && !isDigest(reference)) {
      throw new ErrInvalidArgument(`Put manifest: "${reference}" is neither a tag nor a digest`);
    }
    const manifest = { reference, mediaType, bytes: Buffer.from(bytes) };
    const digest = storeManifest(this.#api.storage.repository(repository), manifest);
    if (digest) return { mediaType, digest, size: manifest.bytes.byteLength };
    throw new ErrInvalidArgument(`Put manifest: got the digest ${digestOf(bytes)}, wanted "${reference}"`);
  }

  /** Digests of the blobs of a repository. */
  blobs(repository: string): readonly Digest[] {
    return [...(this.#api.storage.find(repository)?.blobs.keys() ?? [])];
  }

  /** The bytes of a blob. Throws `ErrNotFound`. */
  readBlob(repository: string, digest: Digest): AsyncIterable<Uint8Array> {
    const content = this.#api.storage.find(repository)?.blobs.get(digest);
    if (!content) throw new ErrNotFound(`Read blob of "${repository}": not found`, { digest });
    return content.read(0, content.size);
  }

  /** Digests of the manifests of a repository. */
  manifests(repository: string): readonly Digest[] {
    return [...(this.#api.storage.find(repository)?.manifests.keys() ?? [])];
  }

  /** The manifest that a tag or digest names, if it is there. */
  manifest(repository: string, reference: string): HeldManifest | undefined {
    return this.#api.storage.find(repository)?.manifest(reference);
  }

  /** Tags of a repository, in lexical order. */
  tags(repository: string): readonly string[] {
    return this.#api.storage.find(repository)?.sortedTags() ?? [];
  }

  /** Ids of the upload sessions that are open in a repository. */
  uploads(repository: string): readonly string[] {
    return [...(this.#api.storage.find(repository)?.uploads.keys() ?? [])];
  }

  /** Cuts all connections and forgets everything. Closing twice is fine. */
  async close(): Promise<void> {
    const stopped = Promise.all(this.#servers.map(stop));
    this.#connections.destroyAll();
    await stopped;
    await Promise.all(this.#running);
    await this.#api.storage.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #take(source: BlobSource): Promise<[Digest, BlobContent]> {
    if (source instanceof Uint8Array) return [digestOf(source), memoryContent(source)];
    if ("generate" in source) {
      const content = generatedContent(source);
      const digester = new Digester();
      for await (const chunk of content.read(0, content.size)) digester.update(chunk);
      return [digester.digest(), content];
    }
    const upload = await this.#api.storage.openUpload();
    try {
      await upload.append(source);
      return [await upload.digest(), await upload.finish()];
    } catch (error) {
      await upload.discard();
      throw error;
    }
  }

  #accept(request: IncomingMessage, response: ServerResponse, host: Call["host"]): void {
    const route = parseRoute(request.url ?? "/", this.#tokenPath);
    const { socket, number } = this.#connections.under(request.socket);
    const record = this.#log.start(request, route, number);
    const exchange = new Exchange(request, { response, record, socket });
    response.once("close", () => this.#log.end(record, response.writableEnded ? "finished" : "aborted"));
    const running = this.#serve(exchange, route, host).catch((error: unknown) => {
      if (exchange.isOver) return; // the connection closed first, so nobody waits for this answer
      record.error = error;
      exchange.reset();
    });
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  async #serve(exchange: Exchange, route: Route, host: Call["host"]): Promise<void> {
    const fault = this.#faults.take(exchange.record);
    if (fault?.action.hold) await exchange.wait(fault.action.hold);
    const place = { route, host };
    await sendReply(exchange, await this.#reply(exchange, place, fault?.action ?? {}), fault);
  }

  async #reply(exchange: Exchange, place: Pick<Call, "route" | "host">, action: FaultAction): Promise<Reply> {
    const { request, record } = exchange;
    const { method = "GET", headers } = request;
    const body = exchange.body(action.resetRequest?.afterBytes);
    const range = scriptedRange(action, headers.range);
    try {
      const scripted = scriptedReply(action, record);
      return scripted ?? (await this.#api.answer({ method, ...place, headers, range, body }));
    } catch (error) {
      if (exchange.isOver || request.destroyed) throw error;
      record.error = error;
      return refuse("UNKNOWN", messageOf(error));
    }
  }
}

function checkName(repository: string): void {
  if (!isRepositoryName(repository)) {
    throw new ErrInvalidArgument(`Use repository: "${repository}" is not a repository name`);
  }
}
