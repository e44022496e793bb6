import { retry } from "../../async/retry.ts";
import { goOnInTurn } from "../../async/turn-room.ts";
import type { Waiter } from "../../async/waiting.ts";
import type { Bandwidth } from "../../bandwidth/bandwidth.ts";
import { exists } from "../../content/exists.ts";

import { shortId } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { update } from "../../progress/progress.ts";
import type { Arrival } from "../../remotes/arriving.ts";
import type { FetchTarget } from "../../remotes/fetch.ts";
import { transferKey, transferSource } from "../../remotes/ref-key.ts";
import type { Remote } from "../../remotes/remote.ts";
import type { Job } from "../../xfer/job.ts";
import { yielding } from "../../xfer/repeat-attempts.ts";
import { transferShared } from "../../xfer/shared-transfer.ts";
import type { TransferManager } from "../../xfer/transfer-manager.ts";
import type { Operation } from "../api/operation.ts";
import type { HookedTransfers } from "../operations/hooked-transfers.ts";
import { limitedHost } from "../operations/limited-host.ts";
import type { OpenWork } from "../operations/open-work.ts";
import { incoming, type Traffic } from "../operations/traffic.ts";
import { tracedFetch } from "./traced-fetch.ts";

/** Where documents come from and go to. */
export interface DocumentContext {
  readonly shared: {
    readonly content: FetchTarget;
    readonly documents: TransferManager;
    readonly work: OpenWork;
    readonly traffic: Traffic;
    readonly bandwidth: Bandwidth;
    readonly transfers: HookedTransfers;
  };
  readonly remote: Remote;
  readonly operation: Operation;
}

/**
 * Brings one manifest, index or config in; pulls that want the same one share a transfer. Documents have no lines of their
 * own, except while one has to be waited for.
 */
export async function fetchDocument(
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
  { shared, remote, operation }: DocumentContext,
): Promise<void> {
  const { content, documents, work, traffic, bandwidth, transfers } = shared;
  const { endpoint } = remote;
  const { digest } = descriptor;
  const subject = { id: shortId(digest), digest };
  const onArrival = (arrival: Arrival): void =>
    traffic.arrived(incoming(descriptor), { ...arrival, endpoint });
  const source = { fetcher: remote, ingester: content, endpoint, transfers, onArrival };

  async function fetch(job: Job): Promise<void> {
    let waited = false;
    const ofJob = job.waiter(subject);
    const waiter: Waiter = {
      wait(reason, wait) {
        waited = true;
        return ofJob.wait(reason, wait);
      },
    };
    const onBytes = (): void => job.moved();
    const flow = bandwidth.flow({ direction: "down", host: limitedHost(endpoint), payers: job.payers });
    const fetchOnce = async (attempt: AbortSignal): Promise<void> => {
      await work.track(tracedFetch(descriptor, { ...source, waiter, flow, signal: attempt, onBytes }));
    };
    await retry(() => yielding(job, fetchOnce), { policy: remote.backoff, signal: job.signal, waiter });
    if (waited) job.progress(update(subject, "Download complete", 0, 0));
  }

  const { onProgress, priority, group, payer } = operation;
  const tenant = { group, payer };
  const transfer = (): Promise<unknown> =>
    transferShared(documents, transferKey(descriptor), fetch, {
      signal,
      onProgress,
      priority,
      tenant,
      source: transferSource(remote.source, descriptor),
    });
  await goOnInTurn(transfer(), "goesOn", { signal });
  // A transfer that another pull began may have found what was deleted before this pull joined it.
  if (!(await exists(content, descriptor, { signal }))) await transfer();
}
