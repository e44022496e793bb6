import type { EventEmitter } from "node:events";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import {
  type WriteContentRequest,
  WriteContentRequestSchema,
  type WriteContentResponse,
} from "../../../../src/content/grpc/content_pb.ts";
import { contentMethods } from "../../../../src/content/grpc/content-methods.ts";
import type { Codec, GrpcMethod } from "../../../../src/content/grpc/wire/method.ts";

/** How a call ended: gRPC's code and words, and what came before. */
export interface Outcome<O> {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly O[];
}

const AS_IS: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };

/** The library insists on `Buffer`. */
function encoder<M>({ encode }: Codec<M>): (message: M) => Buffer {
  return (message) => Buffer.from(encode(message));
}

/** A stock gRPC client: what it sees is what goes over the wire. */
export class RawClient implements Disposable {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(address: string, { namespace }: { namespace?: string } = {}) {
    this.#client = new Client(address.replace(/^tcp:\/\//, ""), credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
    });
    if (namespace === undefined) return;
    // Twice, as Go's clients do that name it once more on the same context: the first one counts.
    this.#metadata.add("containerd-namespace", namespace);
    this.#metadata.add("containerd-namespace", `${namespace}-again`);
  }

  /** Makes a call with one request and gathers everything that comes back. Unary calls are streams of one on the wire. */
  async call<I, O>(method: GrpcMethod<I, O>, request: I): Promise<Outcome<O>> {
    const call = this.#client.makeServerStreamRequest(
      method.path,
      encoder(method.request),
      method.response.decode,
      request,
      this.#metadata,
    );
    const messages: O[] = [];
    call.on("data", (message: O) => void messages.push(message));
    call.on("error", () => {});
    const status = await ended(call);
    return { code: status.code, details: status.details, messages };
  }

  /** Sends bytes that need not be a message. */
  async send(path: string, bytes: Uint8Array): Promise<Outcome<Uint8Array>> {
    return this.call({ path, request: AS_IS, response: AS_IS }, bytes);
  }

  /** Opens a `Write` stream. */
  write(): RawWrite {
    const { path, request, response } = contentMethods.write;
    return new RawWrite(
      this.#client.makeBidiStreamRequest(path, encoder(request), response.decode, this.#metadata),
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** A `Write` stream message by message. */
export class RawWrite {
  readonly #call: ClientDuplexStream<WriteContentRequest, WriteContentResponse>;
  readonly #responses: WriteContentResponse[] = [];
  readonly #status: Promise<Status>;
  #changed = Promise.withResolvers<void>();

  constructor(call: ClientDuplexStream<WriteContentRequest, WriteContentResponse>) {
    this.#call = call;
    const change = (): void => {
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    call.on("data", (response: WriteContentResponse) => {
      this.#responses.push(response);
      change();
    });
    call.on("end", change);
    call.on("error", () => {});
    this.#status = ended(call);
  }

  /** Sends a message without waiting. */
  send(request: MessageInitShape<typeof WriteContentRequestSchema>): void {
    this.#call.write(create(WriteContentRequestSchema, request));
  }

  /** Sends a message and returns its response. Throws when the stream ends instead. */
  async exchange(request: MessageInitShape<typeof WriteContentRequestSchema>): Promise<WriteContentResponse> {
    this.send(request);
    return this.next();
  }

  /** The next response. Throws when the stream has ended. */
  async next(): Promise<WriteContentResponse> {
    while (this.#responses.length === 0) {
      if (this.#call.readableEnded) throw new Error("the stream ended without a response");
      await this.#changed.promise;
    }
    return this.#responses.shift() as WriteContentResponse;
  }

  /** Half-closes and returns how the stream ended, with the responses that nobody asked for. */
  async end(): Promise<Outcome<WriteContentResponse>> {
    this.#call.end();
    return this.ended();
  }

  /** How the stream ends by itself. */
  async ended(): Promise<Outcome<WriteContentResponse>> {
    const { code, details } = await this.#status;
    return { code, details, messages: this.#responses };
  }

  cancel(): void {
    this.#call.cancel();
  }
}

interface Status {
  readonly code: number;
  readonly details: string;
}

/** The status of a call whose messages have all been seen. */
async function ended(call: EventEmitter): Promise<Status> {
  const [status] = await Promise.all([
    new Promise<Status>((resolve) => call.once("status", resolve)),
    new Promise((resolve) => call.once("end", resolve)),
  ]);
  return status;
}
