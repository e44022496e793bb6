import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { AbortOptions } from "../async/abort.ts";
import type { ServiceClient } from "../content/grpc/service-client.ts";
import { unlessExists } from "../content/unless-exists.ts";
import { unlessNotFound } from "../content/unless-not-found.ts";
import type { Digest } from "../digest/digest.ts";
import { isNotFound } from "../errors/predicates.ts";
import { snapshotMethods } from "./api/methods.ts";
import {
  CommitSnapshotRequestSchema,
  Kind,
  PrepareSnapshotRequestSchema,
  RemoveSnapshotRequestSchema,
  StatSnapshotRequestSchema,
} from "./api/snapshots_pb.ts";
import type { Mount } from "./api/types_pb.ts";
import type { Leases } from "./leases.ts";

/** Longest wait for a half-made snapshot to be removed, in milliseconds: one that stays goes with the lease. */
const REMOVE_TIMEOUT_MS = 10_000;

/** Says for which layer a snapshot is made; snapshotters that have layers ready look at it. */
const REF_LABEL = "containerd.io/snapshot.ref";

/** Where a layer belongs in a chain. */
interface Place {
  readonly chainId: Digest;
  readonly parent: Digest | undefined;
}

/** A snapshot that a layer is unpacked into. */
export interface OpenSnapshot {
  readonly key: string;
  /** What containerd mounts to see it. */
  readonly mounts: readonly Mount[];
}

/** The snapshots of one snapshotter of a containerd. */
export class Snapshots {
  /** Name of the snapshotter, such as `overlayfs`. */
  readonly name: string;
  readonly #client: ServiceClient;
  readonly #leases: Leases;

  constructor(name: string, { client, leases }: { readonly client: ServiceClient; readonly leases: Leases }) {
    this.name = name;
    this.#client = client;
    this.#leases = leases;
  }

  /** Whether a layer is there; kept by the lease then. Throws `ErrInvalidArgument` for a snapshotter that is not there. */
  async has(chainId: Digest, { signal }: AbortOptions): Promise<boolean> {
    await this.#leases.keep({ type: `snapshots/${this.name}`, id: chainId }, { signal });
    const request = create(StatSnapshotRequestSchema, { snapshotter: this.name, key: chainId });
    const call = { request, signal, about: { digest: chainId } };
    const found = await unlessNotFound(this.#client.unary(snapshotMethods.stat, call));
    return found?.info?.kind === Kind.COMMITTED;
  }

  /**
   * A new snapshot on the layer below; `undefined` when the snapshotter has brought the layer by other ways. Throws `ErrNotFound`
   * when the layer below is not there.
   */
  async prepare({ chainId, parent }: Place, { signal }: AbortOptions): Promise<OpenSnapshot | undefined> {
    const key = `extract-${process.hrtime.bigint()}-${randomBytes(6).toString("hex")} ${chainId}`;
    const labels = { [REF_LABEL]: chainId };
    const request = create(PrepareSnapshotRequestSchema, {
      snapshotter: this.name,
      key,
      parent: parent ?? "",
      labels,
    });
    const call = { request, signal, about: { digest: parent } };
    const prepared = await unlessExists(this.#client.unary(snapshotMethods.prepare, call));
    return prepared && { key, mounts: prepared.mounts };
  }

  /** Makes a snapshot the layer. That somebody else has made it first is a success. */
  async commit({ key }: OpenSnapshot, chainId: Digest, { signal }: AbortOptions): Promise<void> {
    const labels = { [REF_LABEL]: chainId };
    const request = create(CommitSnapshotRequestSchema, {
      snapshotter: this.name,
      name: chainId,
      key,
      labels,
    });
    const call = { request, signal, about: { digest: chainId } };
    try {
      const committed = await unlessExists(this.#client.unary(snapshotMethods.commit, call));
      if (!committed) await this.remove({ key });
    } catch (error) {
      // A call that was made again finds no snapshot any more, because it is the layer.
      if (!isNotFound(error) || !(await this.has(chainId, { signal }))) throw error;
    }
  }

  /** Removes a half-made snapshot, even when nobody wants to wait any more; what cannot be removed goes with the lease. */
  async remove({ key }: Pick<OpenSnapshot, "key">): Promise<void> {
    const request = create(RemoveSnapshotRequestSchema, { snapshotter: this.name, key });
    const signal = AbortSignal.timeout(REMOVE_TIMEOUT_MS);
    await this.#client.remove(snapshotMethods.remove, { request, signal }).catch(() => {});
  }
}
