/**
 * A content service on a disk that takes nothing until it is told to: `slow-child.ts <address>`. Says "ready" when it listens;
 * answers "look" with what it holds, and goes on by "go".
 */

import { serveContent } from "../../../../src/content/grpc/serve-content.ts";
import type { Status, Writer, WriterOptions } from "../../../../src/content/store.ts";
import { digestOf } from "../../../../src/digest/digest.ts";
import { storeWith } from "./store-with.ts";

/** What the child has in its memory. */
export interface Look {
  /** Writes that wait for the disk. */
  readonly writes: number;
  readonly rssBytes: number;
}

const disk = Promise.withResolvers<void>();
let writes = 0;

function slowWriter({ ref }: WriterOptions): Writer {
  let offset = 0;
  const status: Omit<Status, "offset"> = {
    ref,
    total: 0,
    startedAtNs: 0n,
    updatedAtNs: 0n,
  };
  return {
    async write(bytes) {
      writes++;
      await disk.promise;
      writes--;
      offset += bytes.byteLength;
    },
    digest: () => undefined,
    status: async () => ({ ...status, offset }),
    truncate: async () => {},
    commit: async () => digestOf(""),
    close: async () => {},
    async [Symbol.asyncDispose]() {},
  };
}

const store = storeWith({ writer: async (options) => slowWriter(options) });
await serveContent({ store, address: process.argv[2] ?? "" });
process.on("message", (word) => {
  if (word === "go") disk.resolve();
  else process.send?.({ writes, rssBytes: process.memoryUsage.rss() } satisfies Look);
});
process.send?.("ready");
