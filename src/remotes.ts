/**
 * A registry's repository seen as Resolver and Fetcher, and the handler that brings content from there into a store.
 * @module
 */
export { type BackoffPolicy, DEFAULT_BACKOFF } from "./async/backoff.ts";
export type { Arrival, ArrivalListener } from "./remotes/arriving.ts";
export { type FetchContext, fetchContent } from "./remotes/fetch.ts";
export { fetchHandler } from "./remotes/fetch-handler.ts";
export { type PushContentContext, pushContent } from "./remotes/push-content.ts";
export { pushHandler } from "./remotes/push-handler.ts";
export type { PushContentOptions, Pusher, PushOutcome } from "./remotes/pusher.ts";
export { makeRefKey } from "./remotes/ref-key.ts";
export { type MountSources, RegistryPusher, type RegistryPusherOptions } from "./remotes/registry-pusher.ts";
export { RegistryRemote, type RegistryRemoteOptions } from "./remotes/registry-remote.ts";
export type {
  AskOptions,
  ByteSink,
  Fetcher,
  FetchOptions,
  Remote,
  RemoteContent,
  ResolveOptions,
  Resolver,
} from "./remotes/remote.ts";
export type { Source } from "./remotes/source.ts";
