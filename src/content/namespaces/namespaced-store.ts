import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { type Digest, parseDigest } from "../../digest/digest.ts";
import { ErrAlreadyExists, ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import { isAlreadyExists, isNotFound } from "../../errors/predicates.ts";
import { checkedStore } from "../checked-store.ts";
import { infoFilter, statusFilter } from "../filters/filter.ts";
import { updateLabels } from "../labels/label-store.ts";
import { isOwned } from "../ownership/owned-store.ts";
import type { SweepEntry } from "../ownership/sweep-list.ts";
import type {
  BlobReference,
  Info,
  ListOptions,
  ReaderAt,
  Status,
  Store,
  Writer,
  WriterOptions,
} from "../store.ts";
import { unlessNotFound } from "../unless-not-found.ts";
import type { NamespaceEntry, NamespaceMetadata } from "./namespace-metadata.ts";
import { NamespacedWriter, type NamespaceView, type StoredBlob } from "./namespaced-writer.ts";
import { parseNamespace } from "./parse-namespace.ts";

/**
 * What a namespace that wants a blob gets from others (containerd's `content_sharing_policy`).
 * - `shared`: who knows the digest of a blob in the backend need not upload it
 * - `isolated`: every namespace uploads the whole blob once, and so proves that it has it; except what a namespace with
 *   the label `SHAREABLE_LABEL` has
 */
export type SharingPolicy = "shared" | "isolated";

/** Which part of a backend a store shows. */
export interface NamespacedStoreOptions {
  /**
   * Letters and digits, separated by `.`, `_` or `-`; at most 76 characters.
   * @example namespace: "k8s.io"
   */
  readonly namespace: string;
  /**
   * Whether whoever knows the digest of a blob in another namespace has it without an upload (`shared`), or has to bring it
   * (`isolated`).
   * @defaultValue `shared`
   * @avoid as `shared` where namespaces are of people who may not see each other's images
   * @example policy: "isolated"
   */
  readonly policy?: SharingPolicy | undefined;
}

/**
 * One namespace's view of `backend` (as in containerd): its own blobs with its own labels and times, and its own
 * ingests, which the backend has as `<namespace>/<ref>`. A blob is stored once, and leaves the backend when the last
 * namespace deletes it and no image needs it. The backend itself shows everything. What is not there, or
 * has another size, it says in the words of containerd's metadata store. The caller closes `backend` and `metadata`.
 * Throws `ErrInvalidArgument` for a malformed name.
 */
export function namespacedStore(
  backend: Store,
  metadata: NamespaceMetadata,
  { namespace, policy = "shared" }: NamespacedStoreOptions,
): Store {
  return checkedStore(
    new NamespacedStore({ backend, metadata, namespace: parseNamespace(namespace) }, policy),
  );
}

class NamespacedStore implements Store {
  readonly #view: NamespaceView;
  readonly #policy: SharingPolicy;

  constructor(view: NamespaceView, policy: SharingPolicy) {
    this.#view = view;
    this.#policy = policy;
  }

  async info(digest: Digest, options: AbortOptions = {}): Promise<Info> {
    return this.#complete(await this.#entry(digest, options), options);
  }

  async update(info: Parameters<Store["update"]>[0], fieldpaths: readonly string[] = []): Promise<Info> {
    await this.info(info.digest);
    await updateLabels(this.#view.metadata.labels(this.#view.namespace), info, fieldpaths);
    return this.info(info.digest);
  }

  async *walk({ filters, signal }: ListOptions = {}): AsyncGenerator<Info> {
    throwIfAborted(signal);
    const isWanted = infoFilter(filters);
    for await (const entry of this.#view.metadata.list(this.#view.namespace)) {
      const info = await unlessNotFound(this.#complete(entry, { signal }));
      if (info && isWanted(info)) yield info;
    }
  }

  async delete(digest: Digest, { signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const { backend } = this.#view;
    const entry: SweepEntry = { digest: parseDigest(digest), kind: "row", name: "" };
    const owner = isOwned(backend) ? backend.owner : undefined;
    if (!(await this.#view.metadata.get(this.#view.namespace, digest))) throw notFound(digest);
    const onLast = async (): Promise<void> => {
      // Whoever takes the blob up again before it is swept finds it there, and must not count it as somebody else's.
      if (owner) await owner.remember({ ...entry, kind: "blob" });
      else await unlessNotFound(backend.delete(digest)); // before anybody can take it up again
    };
    if (!owner) return await this.#removeEntry(digest, onLast, { signal });
    const letGo = async (): Promise<void> => {
      await owner.remember(entry); // a process that is killed now leaves nothing that nobody knows of
      await this.#removeEntry(digest, onLast, { signal });
    };
    await owner.share(letGo, { signal, callerSweeps: true });
    await owner.sweep([entry]);
  }

  async #removeEntry(digest: Digest, onLast: () => Promise<void>, options: AbortOptions): Promise<void> {
    const { metadata, namespace } = this.#view;
    const release = await metadata.lock(digest, options);
    try {
      const removed = await metadata.remove(namespace, digest);
      if (!removed) throw notFound(digest);
      if (removed.last) await onLast();
    } finally {
      release();
    }
  }

  async readerAt(reference: BlobReference, options: AbortOptions = {}): Promise<ReaderAt> {
    await this.#entry(reference.digest, options);
    return this.#view.backend.readerAt(reference, options);
  }

  async writer({ ref, size = 0, expected, signal }: WriterOptions): Promise<Writer> {
    throwIfAborted(signal);
    const backendRef = this.#backendRef(ref);
    if (expected !== undefined) await this.#assertAbsent(parseDigest(expected));
    // Without the digest: the backend would refuse what only another namespace has.
    const writer = await this.#view.backend.writer({ ref: backendRef, size, signal });
    try {
      if (expected !== undefined) await this.#assertAbsent(expected); // who had the ref until now may have brought it
      const found = expected && (await this.#shared(expected, { signal }));
      const blob = found && (size === 0 || size === found.size) ? found : undefined;
      const shared = (digest: Digest) => this.#shared(digest, {});
      return new NamespacedWriter(writer, { ...this.#view, ref, backendRef, expected, blob, shared });
    } catch (error) {
      await writer.close().catch(() => {}); // the first failure is the one to tell
      if (isAlreadyExists(error)) await unlessNotFound(this.#view.backend.abort(backendRef));
      throw error;
    }
  }

  async status(ref: string, options: AbortOptions = {}): Promise<Status> {
    const status = await unlessNotFound(this.#view.backend.status(this.#backendRef(ref), options));
    if (!status) throw new ErrNotFound(`reference ${ref}: not found`);
    return { ...status, ref };
  }

  async listStatuses({ filters, signal }: ListOptions = {}): Promise<readonly Status[]> {
    throwIfAborted(signal);
    const isWanted = statusFilter(filters);
    const prefix = `${this.#view.namespace}/`;
    const all = await this.#view.backend.listStatuses({ signal });
    return all
      .filter(({ ref }) => ref.startsWith(prefix))
      .map((status) => ({ ...status, ref: status.ref.slice(prefix.length) }))
      .filter(isWanted);
  }

  async abort(ref: string, options: AbortOptions = {}): Promise<void> {
    try {
      await this.#view.backend.abort(this.#backendRef(ref), options);
    } catch (cause) {
      throw isNotFound(cause) ? new ErrNotFound(`reference ${ref}: not found`, { cause }) : cause;
    }
  }

  /** A namespace has no slash, so no two pairs make the same ref. */
  #backendRef(ref: string): string {
    if (ref === "") throw new ErrInvalidArgument("ref must not be empty");
    return `${this.#view.namespace}/${ref}`;
  }

  async #entry(digest: Digest, { signal }: AbortOptions): Promise<NamespaceEntry> {
    throwIfAborted(signal);
    const entry = await this.#view.metadata.get(this.#view.namespace, parseDigest(digest));
    if (!entry) throw notFound(digest);
    return entry;
  }

  /** Asks the backend, also because somebody may have deleted the blob there. */
  async #complete(entry: NamespaceEntry, options: AbortOptions): Promise<Info> {
    const { size } = await this.#view.backend.info(entry.digest, options);
    return { ...entry, size };
  }

  async #assertAbsent(digest: Digest): Promise<void> {
    if (!(await unlessNotFound(this.info(digest)))) return;
    throw new ErrAlreadyExists(`content ${digest}`, { digest });
  }

  /** A blob of the backend that the namespace may have without uploading it. */
  async #shared(digest: Digest, options: AbortOptions): Promise<StoredBlob | undefined> {
    const { backend, metadata } = this.#view;
    if (this.#policy === "isolated" && !(await metadata.isShareable(digest))) return undefined;
    return unlessNotFound(backend.info(digest, options));
  }
}

function notFound(digest: Digest): ErrNotFound {
  return new ErrNotFound(`content digest ${digest}: not found`, { digest });
}
