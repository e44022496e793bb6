import { type Account, accessNeeded, type Guard } from "../auth/access.ts";
import { basicGuard, bearerGuard, OPEN_GUARD } from "../auth/guards.ts";
import { type BearerOptions, TokenServer } from "../auth/token-server.ts";
import { type Call, type Reply, refuse, replyEmpty, replyJson } from "../http/reply.ts";
import type { RequestKind, V1RequestKind } from "../http/request-record.ts";
import { isRepositoryName, isV1 } from "../http/route.ts";
import { Storage } from "../storage/storage.ts";
import { V1Api, type V1Options } from "../v1/v1-api.ts";
import { handleBlob } from "./handle-blob.ts";
import { handleReferrers, handleTags } from "./handle-listing.ts";
import { handleManifest } from "./handle-manifest.ts";
import { handleUpload } from "./handle-upload.ts";

/** Largest manifest when no limit is set, in bytes: what registries should take (OCI distribution-spec). */
const DEFAULT_MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Most entries of a page of tags or referrers when no limit is set. */
const DEFAULT_PAGE_SIZE = 1000;

/** Who may use the registry: everybody, one account by Basic, or whoever the token server lets in. */
export type AuthOptions = "anonymous" | { readonly basic: Account } | { readonly bearer: BearerOptions };

/** How the API behaves. */
export interface ApiOptions {
  /** Default `anonymous`. */
  readonly auth?: AuthOptions | undefined;
  /** Whether the referrers API is on; default true. Without it clients have to keep the fallback tag. */
  readonly referrers?: boolean | undefined;
  /** Smallest chunk of an upload but for the last one, in bytes; announced and enforced. Default none. */
  readonly chunkMinBytes?: number | undefined;
  /** Largest manifest that can be pushed, in bytes; default 4 MiB. */
  readonly maxManifestBytes?: number | undefined;
  /** Whether a pushed manifest may only name content that is there; default true. */
  readonly checkReferences?: boolean | undefined;
  /** Most entries of a page of tags or referrers; default 1000. */
  readonly pageSize?: number | undefined;
  /** Whether, and how, the registry speaks version 1 as well, which existed before. Default false. */
  readonly v1?: boolean | V1Options | undefined;
}

/** The HTTP API: calls in, replies out; it knows no sockets. */
export class RegistryApi {
  readonly storage = new Storage();
  /** Present with bearer authentication. */
  readonly tokens: TokenServer | undefined;
  /** Present when it speaks version 1. */
  readonly v1: V1Api | undefined;
  readonly #hasV2: boolean;
  readonly #guard: Guard;
  readonly #handlers: Handlers;

  constructor(options: ApiOptions, scheme: "http" | "https") {
    const { auth = "anonymous", v1 = false } = options;
    const account = typeof auth === "object" && "basic" in auth ? auth.basic : undefined;
    this.v1 = v1 === false ? undefined : new V1Api(v1 === true ? {} : v1, account);
    this.#hasV2 = typeof v1 === "boolean" || !v1.only;
    this.tokens = typeof auth === "object" && "bearer" in auth ? new TokenServer(auth.bearer) : undefined;
    this.#guard = this.tokens ? bearerGuard(this.tokens, scheme) : OPEN_GUARD;
    if (account) this.#guard = basicGuard(account);
    this.#handlers = handlers({
      storage: this.storage,
      referrers: options.referrers ?? true,
      chunkMinBytes: options.chunkMinBytes ?? 0,
      maxManifestBytes: options.maxManifestBytes ?? DEFAULT_MAX_MANIFEST_BYTES,
      checkReferences: options.checkReferences ?? true,
      pageSize: options.pageSize ?? DEFAULT_PAGE_SIZE,
    });
  }

  /** Authenticates and answers one call. */
  async answer(call: Call): Promise<Reply> {
    const { route, method } = call;
    if (isV1(route.kind)) return this.v1?.answer(call, route.kind) ?? replyEmpty(404);
    if (route.kind === "token" && this.tokens) return await this.tokens.answer(call);
    if (route.kind === "token" || route.kind === "other" || !this.#hasV2) return replyEmpty(404);
    if (route.repository !== undefined && !isRepositoryName(route.repository)) {
      return refuse("NAME_INVALID", "invalid repository name", { detail: { name: route.repository } });
    }
    const refused = this.#guard.check(call, accessNeeded(method, route));
    return refused ?? (await this.#handlers[route.kind](call));
  }
}

type Handlers = Readonly<
  Record<Exclude<RequestKind, V1RequestKind | "token" | "other">, (call: Call) => Reply | Promise<Reply>>
>;

/** The settings of all handlers; each takes the part that it needs. */
type Settings = { readonly storage: Storage } & {
  readonly [Name in Exclude<keyof ApiOptions, "auth" | "v1">]-?: NonNullable<ApiOptions[Name]>;
};

function handlers(settings: Settings): Handlers {
  return {
    ping: () => replyJson({}),
    blob: (call) => handleBlob(settings.storage, call),
    upload: (call) => handleUpload(settings, call),
    manifest: (call) => handleManifest(settings, call),
    tags: (call) => handleTags(settings, call),
    referrers: (call) => handleReferrers(settings, call),
  };
}
