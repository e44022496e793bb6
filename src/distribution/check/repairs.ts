import { Semaphore } from "../../async/semaphore.ts";
import { isContaining } from "../../content/containing-store.ts";
import type { Labels } from "../../content/labels/label-store.ts";
import { type Digest, shortId } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import type { Image } from "../../images/image-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { update } from "../../progress/progress.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { EndpointWalk } from "../endpoint-walk.ts";
import { fetchDocument } from "../fetch-document.ts";
import type { Operation } from "../operation.ts";
import type { PullEngine } from "../pull.ts";
import { sourcesFor } from "./sources.ts";

/** Blobs that are fetched again at the same time. */
const MAX_FETCHED_AT_ONCE = 3;

/** What became of one repair. */
export interface RepairOutcome {
  readonly repaired: boolean;
  readonly error?: unknown;
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
  readonly #pending = new Map<Digest, { readonly descriptor: Descriptor; readonly names: string[] }>();

  constructor(parts: RepairsParts) {
    this.#parts = parts;
  }

  /** Fetches a document now; returns whether it is there. */
  async now(descriptor: Descriptor, name: string): Promise<boolean> {
    if (!this.#parts.enabled) return false;
    const known = this.#outcomes.get(descriptor.digest);
    const outcome = known?.repaired ? known : await this.#repair(descriptor, [name]);
    this.#outcomes.set(descriptor.digest, outcome);
    return outcome.repaired;
  }

  /** Fetches a blob in `finish`. */
  later(descriptor: Descriptor, name: string): void {
    if (!this.#parts.enabled) return;
    const pending = this.#pending.get(descriptor.digest) ?? { descriptor, names: [] };
    pending.names.push(name);
    this.#pending.set(descriptor.digest, pending);
  }

  /** Fetches what was put off. Throws the abort error. */
  async finish(): Promise<void> {
    const permits = new Semaphore(MAX_FETCHED_AT_ONCE);
    await Promise.all(
      [...this.#pending.values()].map(async ({ descriptor, names }) => {
        const release = await permits.acquire(this.#parts.operation);
        try {
          this.#outcomes.set(descriptor.digest, await this.#repair(descriptor, names));
        } finally {
          release();
        }
      }),
    );
    this.#pending.clear();
  }

  outcomeOf(digest: Digest): RepairOutcome | undefined {
    return this.#outcomes.get(digest);
  }

  async #repair(descriptor: Descriptor, names: readonly string[]): Promise<RepairOutcome> {
    const { engine, images, operation } = this.#parts;
    const { digest } = descriptor;
    const { content } = engine;
    const labels = isContaining(content) ? await content.knownLabels(digest) : {};
    const sources = sourcesFor({ labels, names, images });
    let error: unknown = new ErrNotFound(`repair ${digest}: nothing says where it came from`, { digest });
    for (const source of sources) {
      try {
        await this.#fetch(descriptor, source);
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

  async #fetch(descriptor: Descriptor, reference: NormalizedReference): Promise<void> {
    const { engine, operation } = this.#parts;
    const open = (endpoint: Parameters<PullEngine["repositories"]["open"]>[0]) =>
      engine.repositories.open(endpoint, reference, {});
    const walk = await EndpointWalk.start(engine, { reference, purpose: "pull", open }, operation);
    await walk.run(reference, (remote) =>
      fetchDocument(descriptor, operation.signal, { shared: engine, remote, operation }),
    );
  }
}
