import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { type AbortOptions, abortError } from "../../async/abort.ts";
import { ErrAborted } from "../../errors/classes.ts";
import { callError } from "./call-error.ts";
import {
  type WriteContentRequest,
  WriteContentRequestSchema,
  type WriteContentResponse,
} from "./content_pb.ts";
import type { ContentClient } from "./content-client.ts";
import { contentMethods } from "./content-methods.ts";

interface Waiting {
  readonly resolve: (response: WriteContentResponse) => void;
  readonly reject: (error: Error) => void;
}

/** One `Write` call as requests that are answered in order. */
export class WriteStream {
  readonly #call: ClientDuplexStream<WriteContentRequest, WriteContentResponse>;
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<void>;
  /** The digest announced last, for errors. */
  #expected: string | undefined;
  /** Why nothing is answered any more; set at the end. */
  #failure: Error | undefined;
  /** Whether somebody was told of the failure, or it is none. */
  #told = true;

  constructor(client: ContentClient) {
    this.#call = client.duplex(contentMethods.write);
    this.#call.on("data", (response: WriteContentResponse) => {
      this.#waiting.shift()?.resolve(response); // containerd sends the last response twice: nobody waits for that one
    });
    this.#call.on("error", (error: ServiceError) => {
      this.#failure = callError(error, { digest: this.#expected });
      this.#told = false;
    });
    // The status comes before the responses that are still in the stream; the end comes after them.
    this.#ended = new Promise((resolve) => {
      this.#call.once("end", () => resolve(this.#end()));
    });
  }

  /**
   * Sends a request and waits for its response; the request's data may be reused then. A signal that fires cancels the
   * whole call. Throws what the service throws, now and for every request after it.
   */
  async exchange(
    request: MessageInitShape<typeof WriteContentRequestSchema>,
    { signal }: AbortOptions = {},
  ): Promise<WriteContentResponse> {
    const cancel = (): void => this.#call.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await this.#send(create(WriteContentRequestSchema, request));
    } catch (error) {
      throw signal?.aborted ? abortError(signal) : error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Half-closes and waits until the service is done with the stream. Throws a failure that nobody was told of yet. */
  async end(): Promise<void> {
    this.#call.end();
    await this.#ended;
    if (this.#failure && !this.#told) throw this.#failure;
  }

  #send(request: WriteContentRequest): Promise<WriteContentResponse> {
    if (request.expected !== "") this.#expected = request.expected;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#failure) this.#end();
      else this.#call.write(request);
    });
  }

  #end(): void {
    this.#failure ??= new ErrAborted("write content: the service ended the stream");
    for (const { reject } of this.#waiting.splice(0)) {
      this.#told = true;
      reject(this.#failure);
    }
  }
}
