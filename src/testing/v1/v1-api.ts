import type { Account } from "../auth/access.ts";
import { bytesBody, type Call, type Reply, type ReplyHeaders } from "../http/reply.ts";
import type { V1RequestKind } from "../http/request-record.ts";
import { serveLayer } from "./serve-layer.ts";
import { isReply, V1Access } from "./v1-access.ts";
import { type HeldV1Image, V1Images } from "./v1-images.ts";
import { refuseV1, replyV1, replyV1Body } from "./v1-reply.ts";

/** How a registry speaks version 1. */
export interface V1Options {
  /**
   * Whether there is no version 2 beside it: `/v2/` is 404 then.
   * @defaultValue `false`
   * @example only: true
   */
  readonly only?: boolean | undefined;
  /**
   * Whether it needs no index. Otherwise the index, which is here as well, gives tokens: each opens one session, which goes on
   * with a cookie.
   * @defaultValue `true`
   * @example standalone: false
   */
  readonly standalone?: boolean | undefined;
  /**
   * Hosts that `X-Docker-Endpoints` names.
   * @defaultValue the one that was asked
   * @example endpoints: []
   */
  readonly endpoints?: readonly string[] | undefined;
}

type Handler = (call: Call, headers: ReplyHeaders) => Reply;

/** The API of docker-registry, the registry before version 2, as far as clients read: calls in, replies out. */
export class V1Api {
  readonly images = new V1Images();
  readonly access: V1Access;
  readonly #options: V1Options;
  readonly #handlers: Readonly<Record<Exclude<V1RequestKind, "v1-ping" | "v1-images">, Handler>> = {
    "v1-tags": (call, headers) => this.#tags(call, headers),
    "v1-ancestry": (call, headers) =>
      this.#image(call, ({ id }) => replyV1(this.images.ancestry(id), headers)),
    "v1-json": (call, headers) => this.#image(call, (image) => json(image, headers)),
    "v1-layer": (call, headers) => this.#image(call, ({ layer }) => serveLayer(layer, call.range, headers)),
  };

  constructor(options: V1Options, account: Account | undefined) {
    this.#options = options;
    this.access = new V1Access({ standalone: options.standalone ?? true, account });
  }

  /** Authenticates and answers one call. */
  answer(call: Call, kind: V1RequestKind): Reply {
    if (call.method !== "GET") return refuseV1(405, "Method Not Allowed");
    if (kind === "v1-ping") return this.#ping();
    if (kind === "v1-images") return this.#index(call);
    const passed = this.access.pass(call);
    return isReply(passed) ? passed : this.#handlers[kind](call, passed);
  }

  #ping(): Reply {
    const { standalone = true } = this.#options;
    return replyV1({}, { "x-docker-registry-standalone": standalone ? "True" : "False" });
  }

  #index(call: Call): Reply {
    const entered = this.access.enter(call);
    if (isReply(entered)) return entered;
    const tags = this.images.tags(repositoryOf(call));
    if (!tags) return refuseV1(404, "images not found");
    const { endpoints = [call.headers.host ?? ""] } = this.#options;
    const named = endpoints.length === 0 ? {} : { "x-docker-endpoints": endpoints.join(", ") };
    const ids = new Set([...tags.values()].flatMap((id) => this.images.ancestry(id)));
    return replyV1(
      Array.from(ids, (id) => ({ id })),
      { ...entered, ...named },
    );
  }

  #tags(call: Call, headers: ReplyHeaders): Reply {
    const tags = this.images.tags(repositoryOf(call));
    if (!tags) return refuseV1(404, "Repository not found");
    const { reference } = call.route;
    if (reference === undefined) return replyV1(Object.fromEntries(tags), headers);
    const id = tags.get(reference);
    return id === undefined ? refuseV1(404, "Tag not found") : replyV1(id, headers);
  }

  #image({ route: { reference = "" } }: Call, reply: (image: HeldV1Image) => Reply): Reply {
    if (!/^(?:[0-9a-f]{16}|[0-9a-f]{64})$/.test(reference)) return refuseV1(404, "Invalid image ID");
    const image = this.images.image(reference);
    return image ? reply(image) : refuseV1(404, "Image not found");
  }
}

/** A name without a namespace is one of `library`. */
function repositoryOf({ route: { repository = "" } }: Call): string {
  return repository.includes("/") ? repository : `library/${repository}`;
}

function json({ json: bytes, layer, checksums }: HeldV1Image, headers: ReplyHeaders): Reply {
  return replyV1Body(bytesBody(bytes), {
    "content-type": "application/json",
    "x-docker-size": String(layer.size),
    ...(checksums && { "x-docker-checksum-payload": JSON.stringify(checksums) }),
    ...headers,
  });
}
