import { readBlob } from "../content/read-blob.ts";
import type { Provider, ReaderAt } from "../content/store.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { findError } from "../errors/predicates.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import { MAX_MANIFEST_BYTES } from "../oci/parse-document.ts";
import { type Endpoint, originOf } from "../registry/endpoint.ts";
import type { BlobSource, PushClient, UploadSession } from "../registry/push-client.ts";
import type { PushContentOptions, Pusher, PushOutcome } from "./pusher.ts";

/** Bytes read from the store at once. */
const READ_BYTES = 256 * 1024;

/** Where a blob may be mounted from, best first, and what became of it. */
export interface MountSources {
  /** Paths of repositories of the same registry. */
  candidates(descriptor: Descriptor): Promise<readonly string[]>;
  /** The blob is in this push's repository now. */
  succeeded(descriptor: Descriptor): Promise<void>;
  /** The registry did not find the blob at `from`, or would not show it to us. */
  failed(descriptor: Descriptor, from: string, error: unknown): Promise<void>;
}

/** A repository at one endpoint, written to by the distribution API. */
export class RegistryPusher implements Pusher {
  readonly endpoint: string;
  readonly #client: PushClient;
  readonly #mounts: MountSources;
  /** Uploads that broke, by digest: the next attempt goes on with them. */
  readonly #sessions = new Map<string, UploadSession>();

  constructor(client: PushClient, { endpoint, mounts }: { endpoint: Endpoint; mounts: MountSources }) {
    this.#client = client;
    this.#mounts = mounts;
    this.endpoint = originOf(endpoint);
  }

  async push(
    descriptor: Descriptor,
    content: Provider,
    options: PushContentOptions = {},
  ): Promise<PushOutcome> {
    const { mediaType } = descriptor;
    if (isManifestType(mediaType) || isIndexType(mediaType))
      return await this.#putManifest(descriptor, content, options);
    return await this.#pushBlob(descriptor, content, options);
  }

  async #pushBlob(
    descriptor: Descriptor,
    content: Provider,
    options: PushContentOptions,
  ): Promise<PushOutcome> {
    const { digest } = descriptor;
    const outcome = await this.#withoutUpload(descriptor, options);
    if (!outcome) {
      await using reader = await content.readerAt(descriptor, options);
      await this.#client.uploadBlob(sourceOf(descriptor, reader), {
        signal: options.signal,
        onBytes: options.onBytes,
        session: this.#sessions.get(digest),
        onSession: (session) => this.#sessions.set(digest, session),
      });
      this.#sessions.delete(digest);
    }
    await this.#mounts.succeeded(descriptor);
    return outcome ?? { kind: "uploaded" };
  }

  /** What needs no bytes: the blob is there, or can be mounted. A broken upload is rather finished. */
  async #withoutUpload(
    descriptor: Descriptor,
    { signal }: PushContentOptions,
  ): Promise<PushOutcome | undefined> {
    const { digest } = descriptor;
    if (this.#sessions.has(digest)) return undefined;
    if (await this.#client.hasBlob(digest, { signal })) return { kind: "exists" };
    for (const from of await this.#mounts.candidates(descriptor)) {
      if (await this.#mount(descriptor, from, signal)) return { kind: "mounted", from };
    }
    return undefined;
  }

  async #mount(descriptor: Descriptor, from: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { digest } = descriptor;
    try {
      const result = await this.#client.mountBlob(digest, from, { signal });
      if (result.kind === "mounted") return true;
      const superfluous = this.#sessions.get(digest);
      this.#sessions.set(digest, result.session); // declined: the upload goes on in the session that came instead
      if (superfluous) await this.#client.cancelUpload(superfluous, { signal });
      await this.#mounts.failed(descriptor, from, undefined);
    } catch (error) {
      // A mount is only a short cut: what a registry has against it must not stop the upload.
      if (!isDrayageError(findError(error)) || signal?.aborted) throw error;
      await this.#mounts.failed(descriptor, from, error);
    }
    return false;
  }

  async #putManifest(
    descriptor: Descriptor,
    content: Provider,
    options: PushContentOptions,
  ): Promise<PushOutcome> {
    const { digest, mediaType } = descriptor;
    const { signal, tag } = options;
    if (await this.#client.hasManifest(tag ?? digest, digest, { signal })) return { kind: "exists" };
    const bytes = await readBlob(content, descriptor, { maxBytes: MAX_MANIFEST_BYTES, signal });
    await this.#client.putManifest(tag ?? digest, { mediaType, bytes, digest }, { signal });
    return { kind: "uploaded" };
  }
}

function sourceOf({ digest, size }: Descriptor, reader: ReaderAt): BlobSource {
  return {
    digest,
    size,
    async *read(offset, endOffset = size) {
      const buffer = new Uint8Array(READ_BYTES);
      for (let at = offset; at < endOffset; ) {
        const wanted = buffer.subarray(0, Math.min(READ_BYTES, endOffset - at));
        const count = await reader.readAt(wanted, at);
        if (count === 0) return;
        yield wanted.subarray(0, count);
        at += count;
      }
    },
  };
}
