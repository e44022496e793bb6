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
  /** Who asks: `Identity.key`, which stands for TLS options, headers and credentials as well. */
  readonly identity: string;
  /** How patient the one who asks is, in a word: whoever gives up early fails nobody but those who do as well. Default: none. */
  readonly alternatives?: string | undefined;
}

/** The key of a source. */
export function sourceKey({ endpoint, repository, identity, alternatives = "" }: SourceParts): Source {
  return `${originOf(endpoint)} ${repository} ${identity} ${alternatives}`;
}
