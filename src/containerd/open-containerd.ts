import type { AbortOptions } from "../async/abort.ts";
import { ServiceClient } from "../content/grpc/service-client.ts";
import { digestOf } from "../digest/digest.ts";
import type { ImageStore } from "../images/image-store.ts";
import { checkOptions } from "../options/check-options.ts";
import { type RulesOf, required, rule } from "../options/rule.ts";
import { aSignal, aString, milliseconds } from "../options/rules.ts";
import type { LayerTarget } from "../xfer/layer.ts";
import { ImageRecords } from "./image-records.ts";
import { type LeasedStore, leasedStore } from "./leased-store.ts";
import { Leases } from "./leases.ts";
import { SnapshotLayers } from "./snapshot-layers.ts";
import { Snapshots } from "./snapshots.ts";

/** Which containerd, and which part of it. */
export interface ContainerdOptions extends AbortOptions {
  /**
   * `unix:///PATH`, such as `unix:///run/containerd/containerd.sock`, or `tcp://HOST:PORT`.
   * @example address: "unix:///run/containerd/containerd.sock"
   */
  readonly address: string;
  /**
   * Which namespace of containerd's everything goes to, and is looked for in; that of Kubernetes is `k8s.io`.
   * @defaultValue `default`, as `ctr` has it
   * @example namespace: "k8s.io"
   */
  readonly namespace?: string | undefined;
  /**
   * Which of its snapshotters layers go to.
   * @defaultValue `overlayfs`
   * @example snapshotter: "native"
   */
  readonly snapshotter?: string | undefined;
  /**
   * ID of a lease of the caller's, to which all belongs that is brought and found.
   * @defaultValue leases that are made and deleted as work comes and goes
   * @avoid unless something of yours refers to the content only later: what a lease holds stays until it is deleted
   * @example lease: "engine-7"
   */
  readonly lease?: string | undefined;
  /**
   * How long a containerd that was there may be away before calls fail, in milliseconds.
   * @defaultValue 10,000
   * @avoid as 0 where containerd is restarted by updates
   * @example restartMs: 30_000
   */
  readonly restartMs?: number | undefined;
}

const CONTAINERD_OPTIONS: RulesOf<ContainerdOptions> = {
  signal: aSignal,
  address: required(aString),
  namespace: aString,
  snapshotter: rule("a name that is not empty", (value) => typeof value === "string" && value !== ""),
  lease: aString,
  restartMs: milliseconds,
};

/** A running containerd as an engine uses it: `openDistribution` takes each of these by its name. */
export interface Containerd extends AsyncDisposable {
  /** Its content store. `hold` keeps its garbage collector away; an engine does that by itself. */
  readonly content: LeasedStore;
  /** Its images, by name. */
  readonly images: ImageStore;
  /** Its snapshots, which it unpacks itself. */
  readonly layers: LayerTarget;
  /** Cancels what is under way and drops the connection; engines that use it are closed before. Closing twice is fine. */
  close(): Promise<void>;
}

/**
 * Connects to a containerd. Throws `ErrInvalidArgument` for options that are malformed and for a snapshotter that it does not
 * have, and `ErrUnavailable` when it cannot be reached. The caller closes it.
 */
export async function openContainerd(options: ContainerdOptions): Promise<Containerd> {
  checkOptions("open containerd", options, CONTAINERD_OPTIONS);
  const { address, namespace = "default", snapshotter = "overlayfs", lease, restartMs, signal } = options;
  const client = new ServiceClient({ address, namespace, lease, restartMs }, { lease: () => leases.current });
  const leases = new Leases(client, { given: lease });
  const content = leasedStore(client, leases);
  const snapshots = new Snapshots(snapshotter, { client, leases });
  try {
    await snapshots.has(digestOf("is this snapshotter there?"), { signal });
  } catch (error) {
    client.close();
    throw error;
  }
  const close = (): Promise<void> => content.close();
  return {
    content,
    images: new ImageRecords(client),
    layers: new SnapshotLayers({ client, content, snapshots }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
