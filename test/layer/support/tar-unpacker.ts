import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { BlobUnpacker, Unpacked, UnpackOrder } from "../../../src/layer/store/blob-unpacker.ts";

const run = promisify(execFile);

/** Unpacks by GNU tar, and says of the layer what the test says of it. */
export class TarUnpacker implements BlobUnpacker {
  /** Orders so far. */
  readonly orders: UnpackOrder[] = [];
  /** What is told of the next layers. */
  said: Partial<Unpacked> = {};
  /** Runs before a layer is unpacked. */
  before: (order: UnpackOrder, signal: AbortSignal | undefined) => Promise<void> = () => Promise.resolve();

  async unpack(
    order: UnpackOrder,
    { signal }: { readonly signal?: AbortSignal | undefined },
  ): Promise<Unpacked> {
    this.orders.push(order);
    await this.before(order, signal);
    await run("tar", ["-xf", order.blobPath, "-C", order.directory]);
    return {
      entries: 1,
      bytes: 5,
      overlay: "none",
      missing: [],
      whiteouts: [],
      opaque: [],
      attributed: [],
      assumedParents: [],
      implicitParents: [],
      crossLinks: [],
      ...this.said,
    };
  }
}
