import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type AbortOptions, abortError } from "../../async/abort.ts";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { ErrAborted } from "../../errors/classes.ts";
import type { ClientCall } from "./client/client-call.ts";
import { WriteContentRequestSchema, type WriteContentResponse } from "./content_pb.ts";
import { contentMethods } from "./content-methods.ts";
import type { ServiceClient } from "./service-client.ts";

interface Waiting {
  readonly resolve: (response: WriteContentResponse) => void;
  readonly reject: (error: unknown) => void;
}

/** One `Write` call as requests that are answered in order. */
export class WriteStream {
  readonly #client: ServiceClient;
  readonly #ref: string;
  readonly #call: ClientCall;
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<void>;
  /** The digest announced last, for errors. */
  #expected: Digest | undefined;
  /** Why nothing is answered any more; set at the end. */
  #failure: unknown;
  /** Whether somebody was told of the failure, or it is none. */
  #told = true;

  private constructor(client: ServiceClient, ref: string, call: ClientCall) {
    this.#client = client;
    this.#ref = ref;
    this.#call = call;
    this.#ended = this.#receive();
  }

  /** Begins the call. Throws `ErrUnavailable` when the service cannot be reached, and the abort error. */
  static async open(client: ServiceClient, ref: string, { signal }: AbortOptions): Promise<WriteStream> {
    try {
      return new WriteStream(client, ref, await client.duplex(contentMethods.write, { signal }));
    } catch (error) {
      throw client.errorOf(error, contentMethods.write, { about: { ref }, signal });
    }
  }

  /**
   * Sends a request and waits for its response; the request's data may be reused then. A signal that fires cancels the
   * whole call. Throws what the service throws, now and for every request after it.
   */
  async exchange(
    request: MessageInitShape<typeof WriteContentRequestSchema>,
    { signal }: AbortOptions = {},
  ): Promise<WriteContentResponse> {
    const cancel = (): void => {
      if (signal) this.#call.cancel(abortError(signal));
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await this.#send(request);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Half-closes and waits until the service is done with the stream. Throws a failure that nobody was told of yet. */
  async end(): Promise<void> {
    this.#call.end();
    await this.#ended;
    if (!this.#told) throw this.#failure;
  }

  #send(request: MessageInitShape<typeof WriteContentRequestSchema>): Promise<WriteContentResponse> {
    if (request.expected && isDigest(request.expected)) this.#expected = request.expected;
    const message = contentMethods.write.request.encode(create(WriteContentRequestSchema, request));
    if (this.#failure === undefined) this.#call.send(message);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#failure !== undefined) this.#rejectAll();
    });
  }

  /** Gives the responses to those who wait for them, until the call ends. Never rejects. */
  async #receive(): Promise<void> {
    try {
      for (let next = await this.#call.next(); next; next = await this.#call.next()) {
        // Containerd sends the last response twice: nobody waits for that one.
        this.#waiting.shift()?.resolve(contentMethods.write.response.decode(next));
      }
      this.#failure = new ErrAborted("write content: the service ended the stream");
    } catch (error) {
      const about = { ref: this.#ref, digest: this.#expected };
      this.#failure = this.#client.errorOf(error, contentMethods.write, { about });
      this.#told = false;
    } finally {
      this.#call[Symbol.dispose]();
    }
    this.#rejectAll();
  }

  #rejectAll(): void {
    for (const { reject } of this.#waiting.splice(0)) {
      this.#told = true;
      reject(this.#failure);
    }
  }
}
