import { digestOf, type Store } from "../../../src/content.ts";
import type { Descriptor } from "../../../src/index.ts";
import { parseNormalizedNamed } from "../../../src/reference.ts";
import {
  anonymous,
  checkLogin,
  createAuthorizer,
  createPushClient,
  createRegistryClient,
  createTransport,
  credentialsFromHelper,
  dockerConfigCredentials,
  type Endpoint,
  endpointSend,
  hostTrust,
  lookupEndpoints,
  type Send,
  storedCredentials,
  systemCertificates,
  withThrottle,
} from "../../../src/registry.ts";
import { DEFAULT_BACKOFF, RegistryPusher, RegistryRemote } from "../../../src/remotes.ts";
import {
  LayerDownloadManager,
  LayerUploadManager,
  TransferManager,
  transferShared,
} from "../../../src/xfer.ts";
import type { Caller } from "./option-callers.ts";

/** What reaches a registry with an image at `team/app:v1`, and one of its layers. */
export interface RegistryParts {
  /** Has the credential helper `example` in `bin`. */
  readonly directory: string;
  readonly endpoint: Endpoint;
  readonly send: Send;
  readonly layer: Descriptor;
  readonly store: Store;
}

/** The functions of `drayage/registry`, by the name of their options' type. */
export function callersOfRegistries({
  directory,
  endpoint,
  send,
  layer,
}: RegistryParts): Readonly<Record<string, Caller>> {
  const repository = "team/app";
  const client = createRegistryClient({ endpoint, repository, send });
  const pusher = createPushClient({ endpoint, repository, send });
  const login = { username: "jane", password: "correct horse" };
  let uploads = 0;
  return {
    Asker: (options) => client.ping(options),
    AuthorizerOptions: (options) => createAuthorizer(options),
    BlobPartOptions: async (options) => (await client.openBlobPart(layer.digest, options))?.body.discard(),
    CheckLoginOptions: (options) => checkLogin(endpoint, login, options),
    ConnectionOptions: (options) => createTransport(options).close(),
    CredentialHelperOptions: (options) =>
      credentialsFromHelper("example", "registry.example", {
        env: { PATH: `${directory}/bin:/usr/bin:/bin` },
        ...options,
      }),
    DockerConfigOptions: (options) => dockerConfigCredentials(options)(endpoint.credentialHost),
    EndpointSendOptions: (options) => endpointSend(options)({ method: "GET", url: `${endpoint.baseUrl}/` }),
    HasBlobOptions: (options) => pusher.hasBlob(layer.digest, options),
    CredentialContext: (context) => anonymous(endpoint.credentialHost, context),
    LookupOptions: (options) =>
      lookupEndpoints(parseNormalizedNamed("registry.example/team/app:v1"), {}, "pull", options),
    ManifestOptions: (options) => client.getManifest("v1", options),
    RegistryClientOptions: (options) => createRegistryClient(options).ping(),
    RegistryOptions: (options) => hostTrust(options),
    StoredCredentialsOptions: (options) =>
      storedCredentials({ dockerConfigDir: directory, ...options })(endpoint.credentialHost),
    SystemCertificatesOptions: (options) => systemCertificates(options),
    ThrottleOptions: (options) => withThrottle(send, options),
    TransportParts: (parts) => createTransport({}, parts).close(),
    UploadBlobOptions: (options) => {
      const bytes = Buffer.from(`upload ${++uploads}`);
      const source = {
        digest: digestOf(bytes),
        size: bytes.length,
        read: (from: number) => readOnce(bytes, from),
      };
      return pusher.uploadBlob(source, options);
    },
    "src/registry/pull/open-blob.ts BlobOptions": async (options) =>
      (await client.openBlob(layer.digest, options)).body.discard(),
    "src/registry/pull/referrers.ts ReferrersOptions": (options) => client.referrers(layer.digest, options),
  };
}

async function* readOnce(bytes: Uint8Array, from: number): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(from);
}

/** Those of `drayage/remotes`. */
export function callersOfRemotes({
  endpoint,
  send,
  layer,
  store,
}: RegistryParts): Readonly<Record<string, Caller>> {
  const repository = "team/app";
  const client = createRegistryClient({ endpoint, repository, send });
  const pushClient = createPushClient({ endpoint, repository, send });
  const remote = new RegistryRemote(client, { endpoint, backoff: DEFAULT_BACKOFF });
  const mounts = { candidates: async () => [], succeeded: async () => {}, failed: async () => {} };
  const pusher = new RegistryPusher(pushClient, { endpoint, backoff: DEFAULT_BACKOFF, mounts });
  return {
    AskOptions: (options) => remote.tags(options),
    AskReferrersOptions: (options) => remote.referrers(layer.digest, options),
    FetchOptions: async (options) => await (await remote.fetch(layer, options)).discard(),
    FetchPartOptions: async (options) => await (await remote.fetchPart(layer, options))?.discard(),
    PushContentOptions: (options) => pusher.push(layer, store, options),
    RegistryPusherOptions: (options) => new RegistryPusher(pushClient, options).push(layer, store),
    RegistryRemoteOptions: (options) => new RegistryRemote(client, options).tags(),
    ResolveOptions: (options) =>
      remote.resolve(parseNormalizedNamed("registry.example/team/app:v1"), options),
  };
}

/** Those of `drayage/xfer`. */
export function callersOfTransfers(): Readonly<Record<string, Caller>> {
  const manager = new TransferManager({ concurrency: 1 });
  return {
    DownloadManagerOptions: (options) => new LayerDownloadManager(options),
    DownloadOptions: (options) => new LayerDownloadManager().download([], options),
    SharedOptions: (options) => new LayerDownloadManager(options),
    SharedTransferOptions: (options) => transferShared(manager, "work", async () => {}, options),
    TransferManagerOptions: (options) => transferShared(new TransferManager(options), "work", async () => {}),
    TransferOptions: async (options) => {
      const watcher = manager.transfer("job", async () => {}, options);
      await watcher.done;
      await watcher.release();
    },
    UploadManagerOptions: (options) => new LayerUploadManager(options),
    UploadOptions: (options) => new LayerUploadManager().upload([], options),
  };
}
