/**
 * The content store over gRPC, as containerd speaks it: `serveContent` offers a store to `ctr`, containerd and others,
 * `proxyStore` is a store that somebody else offers.
 * @module
 */
export type { ServiceLogger } from "./content/grpc/call-runner.ts";
export type { RangeOptions } from "./content/grpc/proxy-reader.ts";
export { type ProxyStore, type ProxyStoreOptions, proxyStore } from "./content/grpc/proxy-store.ts";
export { type ContentServer, type ServeContentOptions, serveContent } from "./content/grpc/serve-content.ts";
