/** Media type of gRPC, with or without the name of a codec behind it. */
const GRPC = "application/grpc";

/** Media type of gRPC with messages of protocol buffers, which is what both ends here send. */
export const CONTENT_TYPE = `${GRPC}+proto`;

/** Whether a `content-type` is gRPC's. */
export function isGrpcType(type: string | undefined = ""): boolean {
  return type === GRPC || type.startsWith(`${GRPC}+`) || type.startsWith(`${GRPC};`);
}
