import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Content } from "./content_pb.ts";
import type { Codec, GrpcMethod } from "./wire/method.ts";

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
): GrpcMethod<MessageShape<I>, MessageShape<O>> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    request: codecOf<I>(method.input),
    response: codecOf<O>(method.output),
  };
}

/** How messages of a schema go over the wire. */
export function codecOf<D extends DescMessage>(schema: D): Codec<MessageShape<D>> {
  return {
    encode: (message) => toBinary(schema, message),
    decode: (bytes) => fromBinary(schema, bytes),
  };
}
