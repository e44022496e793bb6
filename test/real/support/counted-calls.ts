import { ServiceClient } from "../../../src/content/grpc/service-client.ts";

/** Has `onCall` run before each call of a service in this process, with its number from 1 on; gives what takes that back. */
export function countCalls(onCall: (number: number) => Promise<void>): () => void {
  let count = 0;
  const { unary, remove, duplex } = ServiceClient.prototype;
  ServiceClient.prototype.unary = async function counted(...call) {
    await onCall(++count);
    return (await unary.apply(this, call)) as never;
  };
  ServiceClient.prototype.remove = async function counted(...call) {
    await onCall(++count);
    await remove.apply(this, call);
  };
  ServiceClient.prototype.duplex = async function counted(...call) {
    await onCall(++count);
    return await duplex.apply(this, call);
  };
  return () => void Object.assign(ServiceClient.prototype, { unary, remove, duplex });
}
