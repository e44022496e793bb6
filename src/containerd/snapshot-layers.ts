import { create } from "@bufbuild/protobuf";
import type { AbortOptions } from "../async/abort.ts";
import type { ServiceClient } from "../content/grpc/service-client.ts";
import { readVerified } from "../content/read-verified.ts";
import { unlessNotFound } from "../content/unless-not-found.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss, ErrNotFound, ErrUnavailable } from "../errors/classes.ts";
import { isNotFound, isUnavailable } from "../errors/predicates.ts";
import { update } from "../progress/progress.ts";
import type { DownloadDescriptor, Layer, LayerPlace, LayerTarget } from "../xfer/layer.ts";
import type { TransferContext } from "../xfer/transfer-context.ts";
import { ApplyRequestSchema } from "./api/diff_pb.ts";
import { diffMethods } from "./api/methods.ts";
import { bringBlob, type LayerBlob } from "./bring-blob.ts";
import type { LeasedStore } from "./leased-store.ts";
import type { LetGo } from "./leases.ts";
import type { OpenSnapshot, Snapshots } from "./snapshots.ts";
import { UnpackTurns } from "./unpack-turns.ts";

/** On the config of an image: the uppermost of its layers, which containerd then keeps as long as the config. */
const KEEP_LABEL = "containerd.io/gc.ref.snapshot.";

/** On the blob of a layer: its diffID, which clients of containerd's then need not find out. */
const DIFF_ID_LABEL = "containerd.io/uncompressed";

/** The type with which containerd looks itself how a layer is compressed, as we do: what manifests say may be wrong. */
const ANY_LAYER = "application/vnd.docker.image.rootfs.diff.tar";

/** How often a layer is begun when containerd was away meanwhile, or somebody else removed what had been there. */
const MAX_ATTEMPTS = 3;

/** What layers are made with. */
export interface SnapshotLayersParts {
  readonly client: ServiceClient;
  readonly content: LeasedStore;
  readonly snapshots: Snapshots;
}

/**
 * Layers as snapshots of a containerd, which unpacks them itself: one after the other, as each needs the one below. A layer is
 * there when a snapshot has its chain ID for a name, whoever made it. References are leases, of a day at most.
 */
export class SnapshotLayers implements LayerTarget {
  readonly isSequential = true;
  readonly #client: ServiceClient;
  readonly #content: LeasedStore;
  readonly #snapshots: Snapshots;
  readonly #turns: UnpackTurns;
  readonly #held = new Map<Layer, LetGo>();

  constructor({ client, content, snapshots }: SnapshotLayersParts) {
    this.#client = client;
    this.#content = content;
    this.#snapshots = snapshots;
    this.#turns = new UnpackTurns(content);
  }

  async get(chainId: Digest, options: AbortOptions = {}): Promise<Layer | undefined> {
    return await this.#holding(options, async () =>
      (await this.#snapshots.has(chainId, options)) ? { chainId } : undefined,
    );
  }

  /** Brings the blob to containerd, where it is not there yet: unpacking has to wait for the layer below. */
  async prepare(
    blob: DownloadDescriptor,
    { chainId }: LayerPlace,
    context: TransferContext,
  ): Promise<() => Promise<void>> {
    const letGo = await this.#content.hold(context);
    try {
      if (!(await this.#snapshots.has(chainId, context))) await bringBlob(blob, this.#content, context);
      return letGo;
    } catch (error) {
      await letGo();
      throw error;
    }
  }

  async register(blob: DownloadDescriptor, place: LayerPlace, context: TransferContext): Promise<Layer> {
    return await this.#holding(context, async () => {
      await this.#make(blob, place, context);
      return { chainId: place.chainId };
    });
  }

  /** Where the config is not in containerd's store, only references keep layers. */
  async keep(config: Digest, chainId: Digest): Promise<void> {
    const label = `${KEEP_LABEL}${this.#snapshots.name}`;
    const labelled = this.#content.update({ digest: config, labels: { [label]: chainId } }, [
      `labels.${label}`,
    ]);
    await unlessNotFound(labelled);
  }

  async release(layer: Layer): Promise<void> {
    const letGo = this.#held.get(layer);
    this.#held.delete(layer);
    await letGo?.();
  }

  /** What `find` gives is held from before it was looked for. */
  async #holding<T extends Layer | undefined>(options: AbortOptions, find: () => Promise<T>): Promise<T> {
    const letGo = await this.#content.hold(options);
    try {
      const layer = await find();
      if (layer) this.#held.set(layer, letGo);
      else await letGo();
      return layer;
    } catch (error) {
      await letGo();
      throw error;
    }
  }

  /** Makes the layer, or waits for whoever makes it, in whatever process. */
  async #make(blob: DownloadDescriptor, place: LayerPlace, context: TransferContext): Promise<void> {
    const endTurn = await this.#turns.take(`unpack ${this.#snapshots.name} ${place.chainId}`, context);
    try {
      for (let attempt = 1; ; attempt++) {
        const failure = await this.#attempt(blob, place, context);
        if (!failure) return;
        if (attempt === MAX_ATTEMPTS) throw failure;
      }
    } finally {
      await endTurn();
    }
  }

  /** Gives what is worth another attempt; throws what is not. */
  async #attempt(
    blob: DownloadDescriptor,
    place: LayerPlace,
    context: TransferContext,
  ): Promise<Error | undefined> {
    if (await this.#snapshots.has(place.chainId, context)) return undefined;
    const found = await bringBlob(blob, this.#content, context);
    const snapshot = await this.#prepare(place, context);
    if (!snapshot)
      return new ErrUnavailable(`register layer ${place.chainId}: somebody else has it, or had it`);
    try {
      await this.#unpack(found, { ...place, snapshot }, context);
      return undefined;
    } catch (error) {
      await this.#snapshots.remove(snapshot);
      if (isUnavailable(error) && !context.signal.aborted) return error;
      throw error;
    }
  }

  async #prepare(place: LayerPlace, context: TransferContext): Promise<OpenSnapshot | undefined> {
    try {
      return await this.#snapshots.prepare(place, context);
    } catch (cause) {
      const { parent } = place;
      if (!isNotFound(cause) || parent === undefined) throw cause;
      const message = `register layer: the layer below it, ${parent}, is not here`;
      throw new ErrNotFound(message, { digest: parent, cause });
    }
  }

  async #unpack(
    { id, diffId, digest, size }: LayerBlob,
    { chainId, snapshot }: LayerPlace & { readonly snapshot: OpenSnapshot },
    context: TransferContext,
  ): Promise<void> {
    const { signal, progress } = context;
    progress(update(id, "Extracting", 0, size));
    const got = await this.#apply({ digest, size }, snapshot, signal);
    if (got !== diffId) throw new ErrDataLoss(`unpack layer: got diffID ${got}, want ${diffId}`, { digest });
    const labels = { [DIFF_ID_LABEL]: diffId };
    await this.#content.update({ digest, labels }, [`labels.${DIFF_ID_LABEL}`]);
    await this.#snapshots.commit(snapshot, chainId, context);
    progress(update(id, "Extracting", size, size));
  }

  async #verify(blob: Pick<LayerBlob, "digest" | "size">, signal: AbortSignal): Promise<void> {
    const bytes = readVerified(this.#content, blob, { signal });
    while (!(await bytes.next()).done);
  }

  /** Has containerd unpack a blob; gives the digest of what came out of it. */
  async #apply(
    blob: Pick<LayerBlob, "digest" | "size">,
    { mounts }: OpenSnapshot,
    signal: AbortSignal,
  ): Promise<string> {
    const { digest } = blob;
    const diff = { mediaType: ANY_LAYER, digest, size: BigInt(blob.size) };
    const request = create(ApplyRequestSchema, { diff, mounts: [...mounts] });
    try {
      const call = { request, signal, about: { digest }, once: true };
      const { applied } = await this.#client.unary(diffMethods.apply, call);
      return applied?.digest ?? "nothing";
    } catch (error) {
      // Containerd says what it stumbled over, and not that its blob has other bytes than it should.
      if (!isUnavailable(error)) await this.#verify(blob, signal);
      throw error;
    }
  }
}
