import { type Access, accessNeeded, type Guard, sourceAccess } from "../auth/access.ts";
import { type GuardOptions, guardOf, pingLines } from "../auth/guards.ts";
import { TokenServer } from "../auth/token-server.ts";
import type { Habits } from "../habits/habits.ts";
import { refusalReply } from "../habits/refusal.ts";
import { type Call, type Reply, type ReplyHeaders, refuse, replyEmpty, replyJson } from "../http/reply.ts";
import type { RequestKind, V1RequestKind } from "../http/request-record.ts";
import { isRepositoryName, isV1 } from "../http/route.ts";
import { Storage } from "../storage/storage.ts";
import { V1Api } from "../v1/v1-api.ts";
import { type ApiOptions, accountOf, habitsOf, rulesOf } from "./api-options.ts";
import { handleBlob, handleStorage } from "./handle-blob.ts";
import { handleReferrers, handleTags } from "./handle-listing.ts";
import { handleManifest } from "./handle-manifest.ts";
import { handleUpload } from "./handle-upload.ts";
import { Links } from "./links.ts";
import type { Settings } from "./settings.ts";

/** Where the API is. */
export interface ApiPlace {
  readonly scheme: "http" | "https";
  /** Origin of the other host, where there is one. */
  readonly elsewhere: string | undefined;
}

/** The HTTP API: calls in, replies out; it knows no sockets. */
export class RegistryApi {
  readonly storage = new Storage();
  readonly tokens: TokenServer;
  readonly links: Links | undefined;
  /** Present when it speaks version 1. */
  readonly v1: V1Api | undefined;
  readonly #hasV2: boolean;
  readonly #habits: Habits;
  readonly #guard: Guard;
  readonly #handlers: Handlers;

  constructor(options: ApiOptions, { scheme, elsewhere }: ApiPlace) {
    const habits = habitsOf(options);
    const { service } = habits.challenge;
    const rules = rulesOf(options);
    this.#habits = habits;
    this.tokens = new TokenServer({ ...rules, service }, habits.tokens);
    this.links = habits.pull.links && new Links(habits.pull.links, elsewhere);
    const guardOptions: GuardOptions = {
      challenge: habits.challenge,
      tokens: this.tokens,
      account: accountOf(options),
      anonymousPull: rules.anonymousPull ?? false,
      scheme,
      elsewhere,
    };
    this.#guard = guardOf(guardOptions);
    const { v1 = false } = options;
    this.v1 = v1 === false ? undefined : new V1Api(v1 === true ? {} : v1, guardOptions.account);
    this.#hasV2 = typeof v1 === "boolean" || !v1.only;
    const { checkReferences = true } = options;
    const settings = { storage: this.storage, habits, checkReferences, links: this.links, scheme };
    this.#handlers = handlers(settings, guardOptions);
  }

  /** Authenticates and answers one call. */
  async answer(call: Call): Promise<Reply> {
    const { kind } = call.route;
    if (isV1(kind)) return this.v1?.answer(call, kind) ?? replyEmpty(404);
    if (kind === "token") return await this.#answerToken(call);
    if (kind === "storage" && this.links) return this.#handlers.storage(call);
    if (kind === "storage" || kind === "other" || call.host === "other" || !this.#hasV2)
      return replyEmpty(404);
    return this.#withHeaders(call, await this.#answer(call, kind));
  }

  async #answerToken(call: Call): Promise<Reply> {
    const { challenge, tokens } = this.#habits;
    const isHere = challenge.scheme === "bearer" && tokens.host === call.host;
    return isHere ? await this.tokens.answer(call) : replyEmpty(404);
  }

  async #answer(
    call: Call,
    kind: Exclude<RequestKind, V1RequestKind | "token" | "storage" | "other">,
  ): Promise<Reply> {
    const { route, method, headers } = call;
    const { pull, mount } = this.#habits;
    if (route.repository !== undefined && !isRepositoryName(route.repository)) {
      return refuse("NAME_INVALID", "invalid repository name", { detail: { name: route.repository } });
    }
    const isReading = method === "GET" || method === "HEAD";
    if (pull.cookieRefusal && !isReading && headers.cookie !== undefined)
      return refusalReply(pull.cookieRefusal);
    const needed = accessNeeded(method, route);
    const source = sourceAccess(route);
    const wanted = mount.deniedSource === "refused" ? [...needed, ...source] : needed;
    const refused = this.#guard.check(call, wanted) ?? this.#refuse(call, needed);
    if (refused) return refused;
    const isDenied = source.length > 0 && this.#guard.check(call, source) !== undefined;
    return await this.#handlers[kind](isDenied ? withoutMount(call) : call);
  }

  /** What a habit refuses, whatever the handler would say. */
  #refuse(call: Call, needed: readonly Access[]): Reply | undefined {
    const { route, method } = call;
    const { pull, upload } = this.#habits;
    const { repository: name } = route;
    const status = { blob: pull.headBlobStatus, manifest: pull.headManifestStatus }[route.kind as "blob"];
    if (method === "HEAD" && status !== undefined) return replyEmpty(status);
    if (name === undefined || this.storage.find(name) !== undefined) return undefined;
    const isReading = method === "GET" || method === "HEAD";
    const needsOne = isReading
      ? route.kind === "manifest" || route.kind === "tags"
      : !upload.beginsRepositories;
    if (!needsOne) return undefined;
    return pull.noRepository === "forbidden"
      ? this.#guard.forbid(call, needed)
      : refusalReply(pull.noRepository, { detail: { name } });
  }

  #withHeaders({ route: { kind } }: Call, reply: Reply): Reply {
    const { pull } = this.#habits;
    const left: Readonly<Partial<Record<RequestKind, readonly string[]>>> = {
      blob: pull.blobWithout,
      manifest: pull.manifestWithout,
    };
    const without = reply.status < 300 ? (left[kind] ?? []) : [];
    const more = { ...pull.headers, ...(kind === "manifest" && pull.manifestHeaders) };
    const headers: ReplyHeaders = Object.fromEntries(
      Object.entries({ ...more, ...reply.headers }).filter(([name]) => !without.includes(name)),
    );
    return { ...reply, headers, withoutLength: without.includes("content-length") };
  }
}

function withoutMount(call: Call): Call {
  const query = new URLSearchParams(call.route.query);
  query.delete("mount");
  return { ...call, route: { ...call.route, query } };
}

type Handlers = Readonly<
  Record<Exclude<RequestKind, V1RequestKind | "token" | "other">, (call: Call) => Reply | Promise<Reply>>
>;

function handlers(settings: Settings, guardOptions: GuardOptions): Handlers {
  const { pingBody } = settings.habits.pull;
  return {
    ping: (call) => {
      const lines = pingLines(call, guardOptions);
      return replyJson(pingBody, { headers: lines.length > 0 ? { "www-authenticate": lines } : {} });
    },
    blob: (call) => handleBlob(settings, call),
    storage: (call) => handleStorage(settings, call),
    upload: (call) => handleUpload(settings, call),
    manifest: (call) => handleManifest(settings, call),
    tags: (call) => handleTags(settings, call),
    referrers: (call) => handleReferrers(settings, call),
  };
}
