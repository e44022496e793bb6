import { type Digest, isDigest, parseDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import type { CommitOptions, Status, Writer, WriterOptions } from "../store.ts";
import { WriteAction, type WriteContentResponse } from "./content_pb.ts";
import type { ContentClient } from "./content-client.ts";
import { fromTimestamp } from "./content-messages.ts";
import { WriteStream } from "./write-stream.ts";

/** Most bytes in one message: a quarter of what a service takes, so that memory and pauses stay small. */
const MAX_WRITE_BYTES = 4 * 1_048_576;

/** A writer of a content service: one `Write` call, which holds the ref there for as long as it lasts. */
export class ProxyWriter implements Writer {
  readonly #options: WriterOptions;
  readonly #stream: WriteStream;
  #offset: number;
  #digest: Digest | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: WriterOptions, stream: WriteStream, first: WriteContentResponse) {
    this.#options = options;
    this.#stream = stream;
    this.#offset = Number(first.offset);
    this.#learn(first);
  }

  /** Opens the writer and learns where it stands. Throws what the service throws. */
  static async open(client: ContentClient, options: WriterOptions): Promise<ProxyWriter> {
    const { ref, size = 0, expected, signal } = options;
    const stream = await WriteStream.open(client, { signal });
    const hints = { total: BigInt(size), expected: expected ?? "" };
    const response = await stream.exchange({ action: WriteAction.STAT, ref, ...hints }, { signal });
    return new ProxyWriter(options, stream, response);
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
    const stat = await this.#stream.exchange({ action: WriteAction.STAT });
    this.#learn(stat);
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
    const end = (): Promise<void> => this.#stream.end();
    this.#closed = committed.then(end, end).catch(() => {}); // what matters is told to the caller of commit
    await this.#closed;
    return committed;
  }

  async close(): Promise<void> {
    this.#closed ??= this.#stream.end();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #append(data: Uint8Array): Promise<void> {
    const offset = this.#offset;
    this.#offset += data.byteLength;
    const response = await this.#stream.exchange({ action: WriteAction.WRITE, offset: BigInt(offset), data });
    this.#learn(response);
    const taken = Number(response.offset) - offset;
    if (taken === data.byteLength) return;
    throw new ErrDataLoss(`write ref ${this.#options.ref}: wrote ${taken} of ${data.byteLength} bytes`);
  }

  async #commit({ size = 0, expected, labels = {} }: CommitOptions): Promise<Digest> {
    const response = await this.#stream.exchange({
      action: WriteAction.COMMIT,
      offset: BigInt(this.#offset),
      total: BigInt(size),
      expected: expected ?? "",
      labels: { ...labels },
    });
    const digest = parseDigest(response.digest);
    this.#digest = digest;
    if (size !== 0 && Number(response.offset) !== size) {
      throw new ErrFailedPrecondition(`unexpected commit size ${response.offset}, expected ${size}`);
    }
    if (expected !== undefined && digest !== expected) {
      throw new ErrFailedPrecondition(`unexpected commit digest ${digest}, expected ${expected}`, { digest });
    }
    return digest;
  }

  #learn({ digest }: WriteContentResponse): void {
    this.#digest = isDigest(digest) ? digest : undefined;
  }

  #assertOpen(action: string): void {
    if (this.#closed) throw new ErrFailedPrecondition(`cannot ${action} closed writer`);
  }
}
