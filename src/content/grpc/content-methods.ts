import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import { Content } from "./content_pb.ts";

/** The nine methods of `containerd.services.content.v1.Content`. */
export const contentMethods = {
  info: define(Content.method.info),
  update: define(Content.method.update),
  list: define(Content.method.list),
  delete: define(Content.method.delete),
  read: define(Content.method.read),
  status: define(Content.method.status),
  listStatuses: define(Content.method.listStatuses),
  write: define(Content.method.write),
  abort: define(Content.method.abort),
};

function define<I extends DescMessage, O extends DescMessage>(
  method: DescMethod & { readonly input: I; readonly output: O },
): MethodDefinition<MessageShape<I>, MessageShape<O>> {
  const [request, response] = [codecOf<I>(method.input), codecOf<O>(method.output)];
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === "bidi_streaming",
    responseStream: method.methodKind !== "unary",
    requestSerialize: request.encode,
    requestDeserialize: request.decode,
    responseSerialize: response.encode,
    responseDeserialize: response.decode,
  };
}

interface Codec<D extends DescMessage> {
  readonly encode: (message: MessageShape<D>) => Buffer;
  readonly decode: (bytes: Buffer) => MessageShape<D>;
}

function codecOf<D extends DescMessage>(schema: D): Codec<D> {
  return {
    encode(message) {
      const { buffer, byteOffset, byteLength } = toBinary(schema, message);
      return Buffer.from(buffer, byteOffset, byteLength); // the same bytes: grpc-js insists on a Buffer
    },
    decode: (bytes) => fromBinary(schema, bytes),
  };
}
