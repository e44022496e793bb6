/**
 * One registry host spoken to correctly: who may serve a reference (`lookupEndpoints`), connections (`createTransport`),
 * the wrappers around them (throttle, authorization, redirects: `endpointSend` puts them in order), and the clients of
 * one repository at one endpoint (`createRegistryClient` reads, `createPushClient` writes).
 *
 * ```ts
 * const transport = createTransport();
 * const send = withThrottle(transport.send);
 * const client = createRegistryClient({ endpoint, repository, send: endpointSend({ endpoint, credentials, send }) });
 * const { bytes } = await client.getManifest("latest");
 * await transport.close();
 * ```
 * @module
 */
export { addReferrer, type Referral } from "./registry/add-referrer.ts";
export { type Authorizer, type AuthorizerOptions, createAuthorizer } from "./registry/authorizer.ts";
export { type Challenge, parseChallenges } from "./registry/challenge.ts";
export type { ConnectionOptions, ProxyOptions } from "./registry/create-agent.ts";
export { createPushClient } from "./registry/create-push-client.ts";
export { type CredentialHelperOptions, credentialsFromHelper } from "./registry/credential-helper.ts";
export { anonymous, type CredentialSource, type Credentials } from "./registry/credentials.ts";
export { type DockerConfigOptions, dockerConfigCredentials } from "./registry/docker-config.ts";
export { type Capability, type Endpoint, originOf, type TlsOptions } from "./registry/endpoint.ts";
export { type EndpointSendOptions, endpointSend } from "./registry/endpoint-send.ts";
export { errorFromResponse } from "./registry/error-response.ts";
export { type RegistryErrorKind, registryErrorKind } from "./registry/error-table.ts";
export type { ResolveHost } from "./registry/insecure.ts";
export {
  lookupEndpoints,
  type Purpose,
  type RegistryOptions,
  type RegistrySelection,
} from "./registry/lookup-endpoints.ts";
export type { ManifestContent, ManifestHead, ManifestOptions } from "./registry/manifests.ts";
export type { BlobContent, BlobOptions } from "./registry/open-blob.ts";
export type {
  BlobSource,
  MountResult,
  PushClient,
  UploadBlobOptions,
  UploadSession,
} from "./registry/push-client.ts";
export { createRegistryClient, type RegistryClient } from "./registry/registry-client.ts";
export type { RegistryClientOptions } from "./registry/repository-session.ts";
export {
  type ChunkSink,
  type HttpBody,
  type HttpRequest,
  type HttpResponse,
  headerOf,
  type Send,
  type StreamedBody,
} from "./registry/send.ts";
export { createTransport, type Transport } from "./registry/transport.ts";
export { USER_AGENT } from "./registry/user-agent.ts";
export { withAuth } from "./registry/with-auth.ts";
export { withRedirect } from "./registry/with-redirect.ts";
export { type ThrottleOptions, withThrottle } from "./registry/with-throttle.ts";
