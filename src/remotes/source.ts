import { createHmac, randomBytes } from "node:crypto";
import type { Credentials } from "../registry/credentials/credentials.ts";
import { type Endpoint, originOf } from "../registry/endpoints/endpoint.ts";

/**
 * Who asks whom with which identity, as a key: callers of equal keys get the same answers, and share the fate of a failure
 * that the source is to blame for. It tells nothing of the secrets that went into it and is good for this process only.
 */
export type Source = string;

/** What makes a source. */
export interface SourceParts {
  readonly endpoint: Endpoint;
  /** Full name of the repository at the endpoint: `docker.io/library/redis`. */
  readonly repository: string;
  /** The credentials in use; absent for none. */
  readonly credentials?: Credentials | undefined;
  /** Headers of the caller's own that go along with every request. */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
}

/** Secrets are hashed with it, so that a key that gets into a log can be tried against nothing. */
const KEY = randomBytes(32);

/** The key of a source. */
export function sourceKey({ endpoint, repository, credentials, metaHeaders = {} }: SourceParts): Source {
  const { baseUrl, headers, tls } = endpoint;
  const { username, password, identityToken, registryToken } = credentials ?? {};
  const own = Object.entries(metaHeaders).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const asked = [baseUrl, headers, tls, own, username, password, identityToken, registryToken];
  const identity = createHmac("sha256", KEY).update(JSON.stringify(asked)).digest("hex");
  return `${originOf(endpoint)} ${repository} ${identity}`;
}
