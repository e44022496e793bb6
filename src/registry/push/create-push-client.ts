import { listReferrers } from "../pull/referrers.ts";
import { hasBlob } from "../repository/has-blob.ts";
import { ping } from "../repository/ping.ts";
import { type RegistryClientOptions, RepositorySession } from "../repository/repository-session.ts";
import { BlobUpload } from "./blob-upload.ts";
import type { BodyLimit } from "./body-limit.ts";
import { BodySizes } from "./body-sizes.ts";
import { deleteManifest } from "./delete-manifest.ts";
import type { PushClient } from "./push-client.ts";
import { hasManifest, putManifest } from "./put-manifest.ts";
import { cancelUpload, mountBlob, startUpload, uploadOffset } from "./upload-session.ts";

/** What a push client is made of. */
export interface PushClientOptions extends RegistryClientOptions {
  /**
   * Shared by all push clients of the endpoint: how long the bodies are that it takes.
   * @defaultValue one of its own
   * @hidden no door has what it takes
   */
  readonly bodyLimit?: BodyLimit | undefined;
}

/**
 * The push client of a repository at an endpoint. It holds no connections of its own. What one upload learns about the
 * bodies that the registry takes holds for those after it.
 */
export function createPushClient(options: PushClientOptions): PushClient {
  const repository = new RepositorySession(options, "pull,push");
  const target = { repository, sizes: new BodySizes(options.bodyLimit) };
  return {
    ping: (callOptions = {}) => ping(repository, callOptions),
    hasBlob: (digest, callOptions) => hasBlob(repository, digest, callOptions),
    mountBlob: (digest, from, callOptions) => mountBlob(repository, { digest, from }, callOptions),
    startUpload: (callOptions) => startUpload(repository, callOptions),
    uploadOffset: (session, callOptions) => uploadOffset(repository, session, callOptions),
    uploadBlob: (source, uploadOptions = {}) => new BlobUpload(target, source, uploadOptions).run(),
    cancelUpload: (session, callOptions) => cancelUpload(repository, session, callOptions),
    hasManifest: (reference, digest, callOptions) =>
      hasManifest(repository, { reference, digest }, callOptions),
    putManifest: (reference, manifest, callOptions) =>
      putManifest(repository, { reference, manifest }, callOptions),
    deleteManifest: (reference, callOptions) =>
      deleteManifest(new RepositorySession(options, "delete"), reference, callOptions),
    referrers: (digest, callOptions) => listReferrers(repository, digest, callOptions),
  };
}
