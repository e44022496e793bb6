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

export { errorFromResponse } from "./registry/answers/error-response.ts";
export { type RegistryErrorKind, registryErrorKind } from "./registry/answers/error-table.ts";
export { type Authorizer, type AuthorizerOptions, createAuthorizer } from "./registry/auth/authorizer.ts";
export { withAuth } from "./registry/auth/with-auth.ts";
export { type CheckedLogin, type CheckLoginOptions, checkLogin } from "./registry/check-login.ts";
export type { Capability } from "./registry/configuration/capability.ts";

export {
  type CredentialFiles,
  credentialFilesFromEnvironment,
} from "./registry/credentials/credential-files.ts";
export {
  type CredentialHelperOptions,
  credentialsFromHelper,
} from "./registry/credentials/credential-helper.ts";
export type { CredentialLookup, FoundCredentials } from "./registry/credentials/credential-memory.ts";
export {
  anonymous,
  type CredentialContext,
  type CredentialSource,
  type Credentials,
  type StoredCredentials,
} from "./registry/credentials/credentials.ts";
export { dockerMetaHeaders } from "./registry/credentials/docker-meta-headers.ts";
export {
  forgetLogin,
  type LoginFile,
  type SavedLogin,
  saveLogin,
} from "./registry/credentials/saved-login.ts";
export { loginHost } from "./registry/credentials/server-key.ts";
export {
  type DockerConfigOptions,
  dockerConfigCredentials,
  type StoredCredentialsOptions,
  storedCredentials,
} from "./registry/credentials/stored-credentials.ts";
export { type EndpointSendOptions, endpointSend } from "./registry/endpoint-send.ts";
export { type Endpoint, originOf } from "./registry/endpoints/endpoint.ts";
export { type HostTrust, hostTrust } from "./registry/endpoints/host-trust.ts";
export type { ResolveHost } from "./registry/endpoints/insecure.ts";
export { lookupEndpoints } from "./registry/endpoints/lookup-endpoints.ts";
export type {
  ChooseEndpoints,
  EndpointsWanted,
  HostTlsOptions,
  PathList,
  Purpose,
  RegistryOptions,
  RegistrySelection,
  WantedReference,
} from "./registry/endpoints/registry-options.ts";
export { type Challenge, parseChallenges } from "./registry/http/challenge.ts";
export {
  type ChunkSink,
  type HttpBody,
  type HttpRequest,
  type HttpResponse,
  headerOf,
  type Send,
  type StreamedBody,
} from "./registry/http/send.ts";
export type { TlsOptions } from "./registry/http/tls-options.ts";
export { USER_AGENT } from "./registry/http/user-agent.ts";
export { withRedirect } from "./registry/http/with-redirect.ts";
export { type ThrottleOptions, withThrottle } from "./registry/http/with-throttle.ts";
export type { BlobOptions } from "./registry/pull/open-blob.ts";
export { createRegistryClient, type RegistryClient } from "./registry/pull/registry-client.ts";
export { addReferrer, type Referral } from "./registry/push/add-referrer.ts";
export { createPushClient } from "./registry/push/create-push-client.ts";
export type {
  BlobSource,
  MountResult,
  PushClient,
  UploadBlobOptions,
  UploadSession,
} from "./registry/push/push-client.ts";
export type { HasBlobOptions } from "./registry/repository/has-blob.ts";
export type { ManifestContent, ManifestHead, ManifestOptions } from "./registry/repository/manifests.ts";
export type { BlobContent } from "./registry/repository/open-content.ts";
export type { RegistryClientOptions } from "./registry/repository/repository-session.ts";
export type { ConnectionOptions, ProxyOptions } from "./registry/transport/connection-options.ts";
export { proxyFromEnvironment } from "./registry/transport/proxy-from-environment.ts";
export {
  type SystemCertificatesOptions,
  systemCertificates,
} from "./registry/transport/system-certificates.ts";
export { createTransport, type Transport } from "./registry/transport/transport.ts";
