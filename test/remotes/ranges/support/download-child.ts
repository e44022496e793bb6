/**
 * Brings a blob into a store, in a process of its own: `download-child.ts <root> <origin> <digest> <size> <workers> <how> [<bytes>]`, in
 * ranges or in one stream, and kills itself when there are so many bytes. Tells by lines on stdout `from` how many it went on, if any
 * were still to come, how many are `there` when it is killed, or how it came to an `end` and the KiB of `memory` that it took at most.
 */
import { writeSync } from "node:fs";
import { openLocalStore } from "../../../../src/content/local/local-store.ts";
import { parseDigest } from "../../../../src/digest/digest.ts";
import { OCI_LAYER_GZIP } from "../../../../src/oci/media-types.ts";
import { createTransport } from "../../../../src/registry/transport/transport.ts";
import { anonymous, createRegistryClient, endpointSend } from "../../../../src/registry.ts";
import { fetchContent } from "../../../../src/remotes/fetch.ts";
import { Ranges } from "../../../../src/remotes/ranges/ranges.ts";
import { RegistryRemote } from "../../../../src/remotes/registry-remote.ts";
import { TransferThreads } from "../../../../src/remotes/threads/transfer-threads.ts";
import { DEFAULT_BACKOFF } from "../../../../src/xfer.ts";

const [root = "", origin = "", digest = "", size = "", workers = "", how = "", last = "Infinity"] =
  process.argv.slice(2);

const say = (line: string): void => {
  writeSync(1, `${line}\n`); // at once: it may be the last word
};

await using store = await openLocalStore({ root });
const transport = createTransport();
const threads = new TransferThreads({
  workers: Number(workers),
  bytesPerWorker: 0,
  connection: { authorities: [] },
});
const endpoint = {
  baseUrl: `${origin}/v2`,
  mirror: false,
  credentialHost: new URL(origin).host,
} as Parameters<typeof endpointSend>[0]["endpoint"];
const send = endpointSend({ endpoint, credentials: anonymous, send: transport.send });
const client = createRegistryClient({ endpoint, repository: "team/app", send });
const fetcher = new RegistryRemote(client, { endpoint, backoff: DEFAULT_BACKOFF });
const ranges = new Ranges({ fromBytes: 1, stepMs: 0 }, { roomAt: transport.blobsAtOnce });

let isFirst = true;
/** Somebody who reads along, so that it is often looked how far it is. */
const growth = { begins: () => {}, reached: () => {}, dropped: () => {} };
const isNew = await fetchContent(
  { mediaType: OCI_LAYER_GZIP, digest: parseDigest(digest), size: Number(size) },
  {
    fetcher,
    ingester: store,
    endpoint: fetcher.endpoint,
    threads,
    growth,
    ...(how === "ranges" && { ranges }),
    onBytes: (bytes) => {
      if (isFirst) say(`from ${bytes}`);
      isFirst = false;
      if (bytes < Number(last)) return;
      say(`there ${bytes}`);
      process.kill(process.pid, "SIGKILL");
    },
  },
);
say(`end ${isNew ? "done" : "was there"}`);
say(`memory ${process.resourceUsage().maxRSS}`);
await transport.close();
await threads.end();
