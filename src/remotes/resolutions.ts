import { BoundedMap } from "../async/bounded-map.ts";
import { JoinableCalls } from "../async/joinable-calls.ts";
import type { CallOptions, StartCall } from "../async/shared-calls.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Source } from "./source.ts";

/** Sources of which it is remembered that a document came; of a forgotten one a document may be asked for that is here. */
const MAX_SOURCES = 1_024;

/** Questions what names mean, shared by all who ask the same source at about the same time. */
export class Resolutions {
  readonly #calls = new JoinableCalls<Descriptor>();
  readonly #sources = new BoundedMap<Source, true>(MAX_SOURCES);

  /** Joins the question of that key, or asks. Rejects with its error, or `ErrCanceled` by the signal. */
  run(key: string, ask: StartCall<Descriptor>, options: CallOptions): Promise<Descriptor> {
    return this.#calls.run(key, ask, options);
  }

  /** Whoever asks from now on joins no question of before: something has changed. */
  startAnew(): void {
    this.#calls.startAnew();
  }

  /** A document of that source has come. */
  noteDocument(source: Source): void {
    this.#sources.set(source, true);
  }

  /** Whether one has. */
  hasDocument(source: Source): boolean {
    return this.#sources.get(source) === true;
  }
}
