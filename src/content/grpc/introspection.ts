import { create } from "@bufbuild/protobuf";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import { codecOf } from "./wire/generated-method.ts";
import type { GrpcMethod } from "./wire/method.ts";

/**
 * `Server` of containerd's introspection service. `ctr` of containerd 2 calls it before every command, shows the deprecations
 * that it lists, and warns of a server that does not know it. The response is a `ServerResponse` with no field set, which on
 * the wire is an empty message.
 */
export const introspectServer: GrpcMethod<Empty, Empty> = {
  path: "/containerd.services.introspection.v1.Introspection/Server",
  request: codecOf(EmptySchema),
  response: codecOf(EmptySchema),
};

/** Tells of no deprecation. */
export async function nothingDeprecated(): Promise<Empty> {
  return create(EmptySchema);
}
