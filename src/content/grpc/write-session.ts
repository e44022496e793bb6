import { create } from "@bufbuild/protobuf";
import type { Release } from "../../async/keyed-lock.ts";
import { type Digest, parseDigest } from "../../digest/digest.ts";
import { ErrAlreadyExists, ErrInvalidArgument, ErrOutOfRange } from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { exists } from "../exists.ts";
import type { Store, Writer } from "../store.ts";
import type { CallContext, Requests, Send } from "./call-runner.ts";
import {
  WriteAction,
  type WriteContentRequest,
  type WriteContentResponse,
  WriteContentResponseSchema,
} from "./content_pb.ts";
import { toTimestamp } from "./content-messages.ts";
import type { RefQueue } from "./ref-queue.ts";
import { plainly } from "./wire/plainly.ts";

/**
 * Serves one `Write` stream: the first message opens the writer of its ref, every message is answered, `COMMIT` or the
 * client's half-close ends the stream. However it ends, the writer is closed and the ref is free before the status goes
 * out; what was not committed can be resumed.
 */
export async function serveWrite(
  { requests, send }: { requests: Requests<WriteContentRequest>; send: Send<WriteContentResponse> },
  context: CallContext,
  queue: RefQueue,
): Promise<void> {
  const first = await requests.next();
  if (!first?.ref) throw plainly(new ErrInvalidArgument("first message must have a reference"));
  const session = await WriteSession.open(first, context, queue);
  try {
    for (let request: typeof first | undefined = first; request; request = await requests.next()) {
      await send(await session.answer(request));
      if (request.action === WriteAction.COMMIT) return;
    }
  } finally {
    await session.close();
  }
}

/** The state of a `Write` stream between two messages. */
class WriteSession {
  readonly #ref: string;
  readonly #store: Store;
  readonly #writer: Writer;
  readonly #release: Release;
  /** Where the next byte goes. Nobody else writes, so there is no need to ask the writer. */
  #offset: number;
  /** What the client announced last; 0 and `undefined` when it did not. Below 0 it fits no bytes. */
  #total: number;
  #expected: Digest | undefined;
  /** The last response; its times and total, which only `STAT` asks for, are repeated in the next. */
  readonly #response = create(WriteContentResponseSchema);

  private constructor(
    parts: { ref: string; store: Store; writer: Writer; release: Release },
    { offset, total }: { readonly offset: number; readonly total: number },
  ) {
    this.#ref = parts.ref;
    this.#store = parts.store;
    this.#writer = parts.writer;
    this.#release = parts.release;
    this.#offset = offset;
    this.#total = total;
  }

  static async open(
    { ref, total, expected }: WriteContentRequest,
    { store, namespace = "", signal }: CallContext,
    queue: RefQueue,
  ): Promise<WriteSession> {
    const announced = sizeOf(total);
    const options = {
      ref,
      size: Math.max(announced, 0),
      expected: expected === "" ? undefined : parseDigest(expected),
      signal,
    };
    // A namespace has no slash, so no two pairs make the same key.
    const { writer, release } = await queue.open(store, options, `${namespace}/${ref}`);
    try {
      const { offset } = await writer.status();
      return new WriteSession({ ref, store, writer, release }, { offset, total: announced });
    } catch (error) {
      await writer.close().finally(release);
      throw error;
    }
  }

  /** Does what one message asks for. */
  async answer(request: WriteContentRequest): Promise<WriteContentResponse> {
    await this.#announce(request);
    const digest = await this.#perform(request);
    this.#response.action = request.action;
    this.#response.offset = BigInt(this.#offset);
    this.#response.digest = digest ?? "";
    return this.#response;
  }

  /** Closes the writer, then lets the next stream have the ref. */
  async close(): Promise<void> {
    await this.#writer.close().finally(this.#release);
  }

  /** A later announcement replaces an earlier one; the commit checks the last. */
  async #announce({ expected, total }: WriteContentRequest): Promise<void> {
    if (expected !== "") {
      this.#expected = parseDigest(expected);
      if (await exists(this.#store, this.#expected)) await this.#giveUp(this.#expected);
    }
    if (total > 0n) this.#total = sizeOf(total);
  }

  async #giveUp(digest: Digest): Promise<never> {
    await this.#writer.close();
    await this.#store.abort(this.#ref).catch((error: unknown) => {
      if (!isNotFound(error)) throw error; // somebody else aborted it
    });
    throw plainly(new ErrAlreadyExists(`blob with expected digest ${digest} exists`, { digest }));
  }

  /** Returns the digest of the bytes so far, if the writer can tell. */
  async #perform(request: WriteContentRequest): Promise<Digest | undefined> {
    switch (request.action) {
      case WriteAction.STAT:
        await this.#stat();
        return this.#writer.digest();
      case WriteAction.WRITE:
        await this.#write(request);
        return this.#writer.digest();
      case WriteAction.COMMIT:
        await this.#write(request);
        return this.#commit(request);
      default:
        throw plainly(new ErrInvalidArgument(`unknown write action ${request.action}`));
    }
  }

  async #stat(): Promise<void> {
    const { startedAtNs, updatedAtNs, total } = await this.#writer.status();
    this.#response.startedAt = toTimestamp(startedAtNs);
    this.#response.updatedAt = toTimestamp(updatedAtNs);
    this.#response.total = BigInt(this.#total || total);
  }

  /** An offset of 0 starts over; any other one must be where the last byte ended. */
  async #write({ offset, data }: WriteContentRequest): Promise<void> {
    if (offset === 0n && this.#offset > 0) {
      await this.#writer.truncate(0);
      this.#offset = 0;
    }
    if (offset !== BigInt(this.#offset)) {
      const words = `write @${offset} must occur at current offset ${this.#offset}`;
      throw plainly(new ErrOutOfRange(words));
    }
    if (data.byteLength === 0) return;
    await this.#writer.write(data);
    this.#offset += data.byteLength;
  }

  #commit({ labels }: WriteContentRequest): Promise<Digest> {
    return this.#writer.commit({ size: this.#total, expected: this.#expected, labels });
  }
}

/** An announced size; 0 when it was not announced. */
function sizeOf(total: bigint): number {
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw plainly(new ErrInvalidArgument(`total ${total} is too large`));
  }
  return Number(total);
}
