import { forEachWithin } from "../../async/for-each-within.ts";
import { isContaining } from "../../content/containing-store.ts";
import type { Labels } from "../../content/labels/label-store.ts";
import { type Digest, shortId } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import type { Image } from "../../images/image-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { update } from "../../progress/progress.ts";
import { withDigest } from "../../reference/derive.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Endpoint } from "../../registry/endpoints/endpoint.ts";
import type { Operation } from "../api/operation.ts";
import { EndpointWalk } from "../endpoints/endpoint-walk.ts";
import type { Surroundings } from "../endpoints/repositories.ts";
import { fetchDocument } from "../pull/fetch-document.ts";
import type { PullEngine } from "../pull/pull.ts";
import { sourcesFor } from "./sources.ts";

/** Blobs that are fetched again at the same time. */
const MAX_FETCHED_AT_ONCE = 3;

/** What became of one repair. */
export interface RepairOutcome {
  readonly repaired: boolean;
  readonly error?: unknown;
}

/** Content that is fetched again. */
export interface Wanted {
  readonly digest: Digest;
  /** What is known of it; absent for a document that nothing here describes, of which a registry is asked. */
  readonly descriptor?: Descriptor | undefined;
  /** An image that needs it. */
  readonly name?: string | undefined;
  /** Labels that a namespace gave it, which may say where it came from. */
  readonly labels?: Labels | undefined;
}

/** What content is repaired with. */
export interface RepairsParts {
  readonly engine: PullEngine;
  readonly images: readonly Image[];
  readonly operation: Operation;
  /** Whether anything is fetched at all. */
  readonly enabled: boolean;
}

/** Fetches content again, each piece once, whichever names need it. */
export class Repairs {
  readonly #parts: RepairsParts;
  readonly #outcomes = new Map<Digest, RepairOutcome>();
  readonly #running = new Map<Digest, Promise<RepairOutcome>>();
  readonly #pending = new Map<Digest, readonly Wanted[]>();

  constructor(parts: RepairsParts) {
    this.#parts = parts;
  }

  /** Fetches a document or blob now, once for all who want it at this moment; returns whether it is there. */
  async now(wanted: Wanted): Promise<boolean> {
    if (!this.#parts.enabled) return false;
    const { digest } = wanted;
    const known = this.#outcomes.get(digest);
    if (known?.repaired) return true;
    const running = this.#running.get(digest) ?? this.#repair([wanted]);
    this.#running.set(digest, running);
    try {
      const outcome = await running;
      this.#outcomes.set(digest, outcome);
      return outcome.repaired;
    } finally {
      this.#running.delete(digest);
    }
  }

  /** Fetches a blob in `finish`. */
  later(wanted: Wanted): void {
    if (!this.#parts.enabled) return;
    this.#pending.set(wanted.digest, [...(this.#pending.get(wanted.digest) ?? []), wanted]);
  }

  /** Fetches what was put off. Throws the abort error. */
  async finish(): Promise<void> {
    const { signal } = this.#parts.operation;
    await forEachWithin(
      [...this.#pending],
      async ([digest, wanted]) => void this.#outcomes.set(digest, await this.#repair(wanted)),
      { limit: MAX_FETCHED_AT_ONCE, signal },
    );
    this.#pending.clear();
  }

  outcomeOf(digest: Digest): RepairOutcome | undefined {
    return this.#outcomes.get(digest);
  }

  async #repair(wanted: readonly Wanted[]): Promise<RepairOutcome> {
    const { engine, images, operation } = this.#parts;
    const [first] = wanted;
    if (!first) return { repaired: false };
    const { digest } = first;
    const { content } = engine;
    const labels = isContaining(content) ? await content.knownLabels(digest) : {};
    const names = wanted.flatMap(({ name }) => name ?? []);
    const all = [labels, ...wanted.map((one) => one.labels ?? {})];
    const sources = all.flatMap((some) => sourcesFor({ labels: some, names, images }));
    let error: unknown = new ErrNotFound(`repair ${digest}: nothing says where it came from`, { digest });
    for (const source of new Map(sources.map((one) => [one.toString(), one])).values()) {
      try {
        await this.#fetch(first, source);
        await this.#keepLabels(digest, labels);
        operation.onProgress(update(shortId(digest), "Repaired", 0, 0));
        return { repaired: true };
      } catch (cause) {
        if (operation.signal?.aborted) throw cause;
        error = cause;
      }
    }
    return { repaired: false, error };
  }

  /** New content has no labels: those of what was lost still say where it came from, and what it needs. */
  async #keepLabels(digest: Digest, labels: Labels): Promise<void> {
    const paths = Object.keys(labels).map((key) => `labels.${key}`);
    if (paths.length > 0) await this.#parts.engine.content.update({ digest, labels }, paths);
  }

  async #fetch({ digest, descriptor }: Wanted, reference: NormalizedReference): Promise<void> {
    const { engine, operation } = this.#parts;
    const open = (endpoint: Endpoint, surroundings: Surroundings) =>
      engine.repositories.open(endpoint, reference, surroundings);
    const wanted = withDigest(reference, digest);
    const walk = await EndpointWalk.start(engine, { reference: wanted, purpose: "pull", open }, operation);
    await walk.run(reference, async (remote) => {
      const promised = descriptor ?? (await remote.resolve(wanted, operation));
      await fetchDocument({ ...promised, digest }, operation.signal, { shared: engine, remote, operation });
    });
  }
}
