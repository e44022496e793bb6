import { type Digest, isDigest, parseDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import { exists } from "../exists.ts";
import type { CommitOptions, Status, Store, Writer, WriterOptions } from "../store.ts";
import { WriteAction, type WriteContentResponse } from "./content_pb.ts";
import { fromTimestamp } from "./content-messages.ts";
import { type IngestRequest, IngestStream } from "./ingest-stream.ts";
import type { ServiceClient } from "./service-client.ts";

/** Most bytes in one message: a quarter of what a service takes, so that memory and pauses stay small. */
const MAX_WRITE_BYTES = 4 * 1_048_576;

/** Where a writer writes to. */
export interface ProxyWriterParts {
  readonly client: ServiceClient;
  /** The store of the same service. */
  readonly store: Pick<Store, "info" | "update">;
}

/**
 * A writer of a content service: a `Write` call, which holds the ref there for as long as it lasts, and another one that goes on
 * where the last one stopped when the connection breaks.
 */
export class ProxyWriter implements Writer {
  readonly #options: WriterOptions;
  readonly #store: ProxyWriterParts["store"];
  readonly #ingest: IngestStream;
  #offset: number;
  #digest: Digest | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: WriterOptions, store: ProxyWriterParts["store"], ingest: IngestStream) {
    this.#options = options;
    this.#store = store;
    this.#ingest = ingest;
    this.#offset = Number(ingest.first.offset);
    this.#learn(ingest.first);
  }

  /** Opens the writer and learns where it stands. Throws what the service throws. */
  static async open({ client, store }: ProxyWriterParts, options: WriterOptions): Promise<ProxyWriter> {
    return new ProxyWriter(options, store, await IngestStream.open(client, options));
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertOpen("write to");
    const answers: Promise<void>[] = [];
    for (let at = 0; at < bytes.byteLength; at += MAX_WRITE_BYTES) {
      answers.push(this.#append(bytes.subarray(at, at + MAX_WRITE_BYTES)));
    }
    await Promise.all(answers);
  }

  digest(): Digest | undefined {
    return this.#digest;
  }

  async status(): Promise<Status> {
    this.#assertOpen("tell status of");
    const { ref, expected } = this.#options;
    const stat = await this.#exchange({ action: WriteAction.STAT });
    return {
      ref,
      offset: Number(stat.offset),
      total: Number(stat.total),
      ...(expected !== undefined && { expected }),
      startedAtNs: fromTimestamp(stat.startedAt),
      updatedAtNs: fromTimestamp(stat.updatedAt),
    };
  }

  /** Takes effect at once: a message without data at offset 0 makes the service start over. */
  async truncate(size: number): Promise<void> {
    this.#assertOpen("truncate");
    if (size !== 0) throw new ErrInvalidArgument(`cannot truncate ingest: got size ${size}, want 0`);
    if (this.#offset === 0) return;
    this.#offset = 0;
    await this.#append(new Uint8Array());
  }

  async commit(options: CommitOptions = {}): Promise<Digest> {
    this.#assertOpen("commit on");
    const committed = this.#commit(options);
    const end = (): Promise<void> => this.#ingest.end();
    this.#closed = committed.then(end, end).catch(() => {}); // what matters is told to the caller of commit
    await this.#closed;
    return committed;
  }

  async close(): Promise<void> {
    this.#closed ??= this.#ingest.end();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {}); // it would hide what failed before
  }

  async #append(data: Uint8Array): Promise<void> {
    const offset = this.#offset;
    this.#offset += data.byteLength;
    const response = await this.#exchange({ action: WriteAction.WRITE, offset: BigInt(offset), data });
    const taken = Number(response.offset) - offset;
    if (taken === data.byteLength) return;
    throw new ErrDataLoss(`write ref ${this.#options.ref}: wrote ${taken} of ${data.byteLength} bytes`);
  }

  async #commit(options: CommitOptions): Promise<Digest> {
    const { size = 0, expected = this.#options.expected ?? this.#digest, labels = {} } = options;
    const isDone = async (): Promise<boolean> => expected !== undefined && exists(this.#store, expected);
    const request = {
      action: WriteAction.COMMIT,
      offset: BigInt(this.#offset),
      total: BigInt(size),
      expected: options.expected ?? "",
      labels: { ...labels },
    };
    const response = await this.#ingest.commit(request, isDone);
    if (!response && expected !== undefined) return await this.#label(expected, labels);
    const digest = parseDigest(response?.digest ?? "");
    this.#digest = digest;
    if (size !== 0 && Number(response?.offset) !== size) {
      throw new ErrFailedPrecondition(`unexpected commit size ${response?.offset}, expected ${size}`);
    }
    if (options.expected !== undefined && digest !== options.expected) {
      throw new ErrFailedPrecondition(`unexpected commit digest ${digest}, expected ${options.expected}`, {
        digest,
      });
    }
    return digest;
  }

  /** For a commit after which the service went away: the blob is there, of the labels nobody knows. */
  async #label(digest: Digest, labels: Readonly<Record<string, string>>): Promise<Digest> {
    const paths = Object.keys(labels).map((key) => `labels.${key}`);
    if (paths.length > 0) await this.#store.update({ digest, labels }, paths);
    return digest;
  }

  async #exchange(request: IngestRequest): Promise<WriteContentResponse> {
    const response = await this.#ingest.exchange(request);
    this.#learn(response);
    return response;
  }

  #learn({ digest }: WriteContentResponse): void {
    this.#digest = isDigest(digest) ? digest : undefined;
  }

  #assertOpen(action: string): void {
    if (this.#closed) throw new ErrFailedPrecondition(`cannot ${action} closed writer`);
  }
}
