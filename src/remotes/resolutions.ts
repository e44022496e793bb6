import { BoundedMap } from "../async/bounded-map.ts";
import { JoinableCalls } from "../async/joinable-calls.ts";
import type { CallOptions, StartCall } from "../async/shared-calls.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Source } from "./source.ts";

/** Sources of which it is remembered that a document came; of a forgotten one a document may be asked for that is here. */
const MAX_SOURCES = 1_024;

/** A document that was asked for. */
export interface ComingDocument {
  /** Set when it is here. */
  readonly resolved: Descriptor | undefined;
}

/** Questions what names mean, shared by all who ask the same source at about the same time. */
export class Resolutions {
  readonly #calls = new JoinableCalls<Descriptor>(undefined, "name");
  readonly #sources = new BoundedMap<Source, true>(MAX_SOURCES);
  readonly #coming = new Map<string, ComingDocument>();

  /** Joins the question of that key, or asks. Rejects with its error, or `ErrCanceled` by the signal. */
  run(key: string, ask: StartCall<Descriptor>, options: CallOptions): Promise<Descriptor> {
    return this.#calls.run(key, ask, options);
  }

  /** Whoever asks from now on joins no question of before: something has changed. */
  startAnew(): void {
    this.#calls.startAnew();
  }

  /** The document of that key that is being brought, for those who come too late to join. */
  coming(key: string): ComingDocument | undefined {
    return this.#coming.get(key);
  }

  /** Brings a document of that source. Rejects as `get` does. */
  async bring(key: string, source: Source, get: () => Promise<Descriptor>): Promise<Descriptor> {
    const document: { resolved: Descriptor | undefined } = { resolved: undefined };
    this.#coming.set(key, document);
    try {
      document.resolved = await get();
      this.#sources.set(source, true);
      return document.resolved;
    } finally {
      if (this.#coming.get(key) === document) this.#coming.delete(key);
    }
  }

  /** Whether a document of that source has come. */
  hasDocument(source: Source): boolean {
    return this.#sources.get(source) === true;
  }
}
