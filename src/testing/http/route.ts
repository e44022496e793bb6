import { type Digest, isDigest } from "../../digest/digest.ts";
import type { RequestKind, V1RequestKind } from "./request-record.ts";

/** What a request asks about. */
export interface Route {
  readonly kind: RequestKind;
  /** Path without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Name of the repository as sent; not validated. */
  readonly repository?: string | undefined;
  /** Tag, digest or upload id as sent; not validated. */
  readonly reference?: string | undefined;
  readonly digest?: Digest | undefined;
}

/** The first pattern that matches decides, so uploads stand before blobs. */
const PATTERNS: readonly (readonly [RequestKind, RegExp])[] = [
  ["ping", /^\/v2\/?$/],
  ["upload", /^\/v2\/(?<repository>.+)\/blobs\/uploads?(?:\/(?<reference>[^/]*))?$/],
  ["blob", /^\/v2\/(?<repository>.+)\/blobs\/(?<reference>[^/]+)$/],
  ["manifest", /^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/]+)$/],
  ["referrers", /^\/v2\/(?<repository>.+)\/referrers\/(?<reference>[^/]+)$/],
  ["storage", /^\/storage\/(?<repository>.+)\/blobs\/(?<reference>[^/]+)$/],
  ["tags", /^\/v2\/(?<repository>.+)\/tags\/list$/],
  ["v1-ping", /^(?:\/v1)?\/_ping$/],
  ["v1-images", /^\/v1\/repositories\/(?<repository>.+)\/images$/],
  ["v1-tags", /^\/v1\/repositories\/(?<repository>.+?)\/tags(?:\/(?<reference>[^/]+))?$/],
  ["v1-ancestry", /^\/v1\/images\/(?<reference>[^/]+)\/ancestry$/],
  ["v1-json", /^\/v1\/images\/(?<reference>[^/]+)\/json$/],
  ["v1-layer", /^\/v1\/images\/(?<reference>[^/]+)\/layer$/],
];

/** Repository names (OCI distribution-spec, "Pulling manifests"). */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/** Longest repository name that clients can be expected to handle (OCI distribution-spec, "Pulling manifests"). */
const MAX_NAME_LENGTH = 255;

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** A target may be a whole URL (RFC 9112, section 3.2.2), and a path that begins with two slashes is no host. */
function pathAndQuery(target: string): string {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "");
  return path.startsWith("/") ? path : `/${path}`;
}

/**
 * Finds out what a request target (path and query) is about.
 * @param tokenPath where the token server is
 */
export function parseRoute(target: string, tokenPath = "/token"): Route {
  const { pathname, searchParams: query } = new URL(`http://registry${pathAndQuery(target)}`);
  const path = decodePath(pathname);
  if (path === tokenPath) return { kind: "token", path, query };
  for (const [kind, pattern] of PATTERNS) {
    const match = pattern.exec(path);
    if (!match) continue;
    const { repository, reference } = match.groups ?? {};
    const named = kind === "upload" ? undefined : reference;
    const digest = named ?? query.get("digest") ?? query.get("mount") ?? "";
    return {
      kind,
      path,
      query,
      repository,
      reference: reference || undefined,
      digest: isDigest(digest) ? digest : undefined,
    };
  }
  return { kind: "other", path, query };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a stray percent sign: as sent it matches no repository, which is the right answer
  }
}

/** Whether `name` can be the name of a repository. */
export function isRepositoryName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && NAME.test(name);
}

/** Whether a part of the API belongs to version 1. */
export function isV1(kind: RequestKind): kind is V1RequestKind {
  return kind.startsWith("v1-");
}

/** Whether `text` can be a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
