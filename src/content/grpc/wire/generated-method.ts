import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Codec, GrpcMethod } from "./method.ts";

/** A method out of generated code. */
export function generatedMethod<I extends DescMessage, O extends DescMessage>(
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
