import type { Transport } from "../../registry/transport/transport.ts";
import type { LayerDownloadManager } from "../../xfer/download-manager.ts";
import type { TransferManager } from "../../xfer/transfer-manager.ts";
import type { LayerUploadManager } from "../../xfer/upload-manager.ts";
import type { DistributionStats, TransferStats } from "../api/seeing.ts";
import type { OpenWork } from "./open-work.ts";
import type { Traffic } from "./traffic.ts";

/** What of an engine knows what it does. */
interface Watched {
  readonly work: OpenWork;
  readonly downloads: LayerDownloadManager;
  readonly documents: TransferManager;
  readonly uploads: LayerUploadManager;
  readonly traffic: Traffic;
  readonly transport: Transport;
}

/** What an engine does at the moment. */
export function statsOf({
  work,
  downloads,
  documents,
  uploads,
  traffic,
  transport,
}: Watched): DistributionStats {
  return {
    operations: work.size,
    downloads: runningOf(downloads),
    documents: runningOf(documents),
    uploads: runningOf(uploads),
    bytesServed: traffic.bytesServed,
    hosts: transport.hosts(),
  };
}

function runningOf({ running, waiting }: TransferStats): TransferStats {
  return { running, waiting };
}
