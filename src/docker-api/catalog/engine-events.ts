import { BoundedMap } from "../../async/bounded-map.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Distribution } from "../../distribution/api/distribution.ts";
import type { DeleteEvent, ImageEvent } from "../../images/image-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { familiarName, familiarString } from "../../reference/familiar.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import type { ImageCatalog } from "./image-catalog.ts";

/** Events that are remembered for clients that ask for earlier ones: dockerd's number. */
const MAX_EVENTS = 256;

/** Images whose IDs are remembered beyond their end, to tell of it. */
const MAX_IMAGES = 20_000;

const NS_PER_MS = 1_000_000n;

/** What happened to an image, as docker's API tells it. */
export interface EngineEvent {
  readonly action: string;
  /** The image's name for a pull or push, otherwise its ID; empty for a prune. */
  readonly id: string;
  /** Labels of the image, and `name`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
}

type Emit = (event: Omit<EngineEvent, "timeNs">) => void;

interface KnownImage {
  readonly id: Digest;
  readonly labels: Readonly<Record<string, string>>;
}

/** What happens to the images of an engine, told in docker's words to whoever listens. */
export class EngineEvents {
  readonly #distribution: Pick<Distribution, "events" | "images">;
  readonly #catalog: ImageCatalog;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #past: EngineEvent[] = [];
  /** By digest of what a name points, or pointed, at. */
  readonly #known = new BoundedMap<Digest, KnownImage>(MAX_IMAGES);
  /** What is told is told in the order in which it happened. */
  #telling: Promise<void> = Promise.resolve();
  #lastNs = 0n;

  constructor(distribution: Pick<Distribution, "events" | "images">, catalog: ImageCatalog) {
    this.#distribution = distribution;
    this.#catalog = catalog;
    distribution.events.on("pull", this.#onPull);
    distribution.events.on("push", this.#onPush);
    distribution.events.on("tag", this.#onTag);
    distribution.events.on("untag", this.#onUntag);
    distribution.events.on("delete", this.#onDelete);
    this.#inOrder(() => this.#learnAll());
  }

  /** Hears no more of the engine. */
  close(): void {
    this.#distribution.events.off("pull", this.#onPull);
    this.#distribution.events.off("push", this.#onPush);
    this.#distribution.events.off("tag", this.#onTag);
    this.#distribution.events.off("untag", this.#onUntag);
    this.#distribution.events.off("delete", this.#onDelete);
    this.#listeners.clear();
  }

  /** Tells `listener` of what happens from now on, and returns what has happened before, as far as it is remembered. */
  listen(listener: (event: EngineEvent) => void): { readonly past: readonly EngineEvent[]; stop(): void } {
    this.#listeners.add(listener);
    return { past: [...this.#past], stop: () => this.#listeners.delete(listener) };
  }

  /** Resolves when all is told that has happened so far: finding out what an image is takes a moment. */
  async settled(): Promise<void> {
    await this.#telling;
  }

  /** Tells of something that a call has done: a name that was made, an archive that was read or written. */
  tell(action: string, image: { readonly name: string; readonly target: Descriptor }): void {
    this.#inOrder(async (emit) => {
      const { id, labels } = await this.#learn(image.target);
      const name = action === "tag" ? shown(image.name) : id;
      emit({ action, id, attributes: { ...labels, name } });
    });
  }

  /** Tells that images were pruned, which is about none of them. */
  tellPrune(reclaimedBytes: number): void {
    const attributes = { reclaimed: String(reclaimedBytes) };
    this.#inOrder((emit) => emit({ action: "prune", id: "", attributes }));
  }

  readonly #onPull = (event: ImageEvent): void => this.#tellMove("pull", event);
  readonly #onPush = (event: ImageEvent): void => this.#tellMove("push", event);

  /** Of what is done by a call, that tells itself. */
  readonly #onTag = ({ name, target, cause }: ImageEvent): void => {
    if (cause === "elsewhere") this.tell("tag", { name, target });
  };

  readonly #onUntag = ({ digest }: ImageEvent): void => {
    const { id, labels } = this.#known.get(digest) ?? { id: digest, labels: {} };
    this.#inOrder((emit) => emit({ action: "untag", id, attributes: { ...labels, name: id } }));
  };

  /** Of all content that goes, docker tells of images only. */
  readonly #onDelete = ({ digest }: DeleteEvent): void => {
    const known = this.#known.get(digest);
    if (!known) return;
    this.#known.delete(digest);
    this.#inOrder(async (emit) => {
      const left = await this.#distribution.images.list();
      if (left.some(({ target }) => this.#known.get(target.digest)?.id === known.id)) return;
      emit({ action: "delete", id: known.id, attributes: { ...known.labels, name: known.id } });
    });
  };

  #tellMove(action: string, { name }: ImageEvent): void {
    this.#inOrder(async (emit) => {
      const { target } = await this.#distribution.images.get(name);
      const { labels } = await this.#learn(target);
      const reference = parseNormalizedNamed(name);
      const attributes = { ...labels, name: familiarName(reference) };
      emit({ action, id: familiarString(reference), attributes });
    });
  }

  async #learnAll(): Promise<void> {
    for (const { target } of await this.#distribution.images.list()) await this.#learn(target);
  }

  async #learn(target: Descriptor): Promise<KnownImage> {
    const { id, config } = await this.#catalog.describe(target);
    const known = { id, labels: config?.view.labels ?? {} };
    this.#known.set(target.digest, known);
    return known;
  }

  /** The time of what a step emits is now. What cannot be told, because the engine is closed or the image gone, is not. */
  #inOrder(step: (emit: Emit) => void | Promise<void>): void {
    const nowNs = BigInt(Date.now()) * NS_PER_MS;
    this.#telling = this.#telling.then(() => step((event) => this.#emit(event, nowNs))).catch(() => {});
  }

  #emit(event: Parameters<Emit>[0], atNs: bigint): void {
    this.#lastNs = atNs > this.#lastNs ? atNs : this.#lastNs + 1n; // so that their order can be told by it
    const told = { ...event, timeNs: this.#lastNs };
    this.#past.push(told);
    if (this.#past.length > MAX_EVENTS) this.#past.shift();
    for (const listener of this.#listeners) listener(told);
  }
}

function shown(name: string): string {
  return familiarString(parseNormalizedNamed(name));
}
