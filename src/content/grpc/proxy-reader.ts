import { create } from "@bufbuild/protobuf";
import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import { isUnavailable } from "../../errors/predicates.ts";
import type { ReaderAt } from "../store.ts";
import { ReadContentRequestSchema } from "./content_pb.ts";
import { contentMethods } from "./content-methods.ts";
import type { ServiceClient } from "./service-client.ts";

/** A part of a blob. */
export interface RangeOptions extends AbortOptions {
  /**
   * First byte.
   * @unit bytes
   * @defaultValue 0
   * @example offset: 512
   */
  readonly offset?: number | undefined;
  /**
   * Number of bytes; 0: to the end.
   * @unit bytes
   * @defaultValue to the end
   * @example size: 1_024
   */
  readonly size?: number | undefined;
}

/**
 * The bytes of a range as they arrive, with one call, and with one more for the rest whenever the connection breaks
 * or the service goes away, as long as each brings something; nothing checks them. Throws what the service throws, and
 * `ErrDataLoss` as soon as more bytes come than were asked for: a service may not make a reader wait for ever.
 */
export async function* readRange(
  client: ServiceClient,
  digest: Digest,
  { offset = 0, size = 0, signal }: RangeOptions,
): AsyncGenerator<Uint8Array, void, void> {
  let done = 0;
  for (;;) {
    const doneBefore = done;
    const rest = { offset: offset + done, size: size && size - done, signal };
    try {
      for await (const data of readOnce(client, digest, rest)) {
        done += data.byteLength;
        yield data;
      }
      return;
    } catch (error) {
      if (!isUnavailable(error) || done === doneBefore) throw error;
      if (done === size) return; // with 0 for what is left, all would come once more
    }
  }
}

async function* readOnce(
  client: ServiceClient,
  digest: Digest,
  { offset, size, signal }: RangeOptions & { readonly offset: number; readonly size: number },
): AsyncGenerator<Uint8Array, void, void> {
  const request = create(ReadContentRequestSchema, { digest, offset: BigInt(offset), size: BigInt(size) });
  const responses = client.stream(contentMethods.read, { request, signal, about: { digest } });
  let got = 0;
  for await (const { data } of responses) {
    got += data.byteLength;
    if (size > 0 && got > size)
      throw new ErrDataLoss(`read content ${digest} at ${offset}: got more than ${size} bytes`, { digest });
    yield data;
  }
}

/** Random access to a blob of a content service: one call per read. */
export class ProxyReader implements ReaderAt {
  readonly size: number;
  readonly #client: ServiceClient;
  readonly #digest: Digest;
  readonly #closing = new AbortController();

  constructor(client: ServiceClient, { digest, size }: { readonly digest: Digest; readonly size: number }) {
    this.#client = client;
    this.#digest = digest;
    this.size = size;
  }

  async readAt(buffer: Uint8Array, offset: number): Promise<number> {
    const { signal } = this.#closing;
    const digest = this.#digest;
    if (signal.aborted) throw new ErrFailedPrecondition(`cannot read content ${digest}: reader is closed`);
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw new ErrInvalidArgument(`cannot read content ${digest}: got offset ${offset}, want 0 or more`);
    }
    const size = Math.min(buffer.byteLength, this.size - offset);
    if (size <= 0) return 0;
    let done = 0;
    for await (const data of readRange(this.#client, digest, { offset, size, signal })) {
      buffer.set(data, done);
      done += data.byteLength;
    }
    if (done === size) return done;
    throw new ErrDataLoss(`read content ${digest} at ${offset}: got ${done} bytes, want ${size}`, { digest });
  }

  /** Cancels reads that are under way. */
  async close(): Promise<void> {
    this.#closing.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
