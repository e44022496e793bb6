import type { AbortOptions } from "../../async/abort.ts";
import type { Place } from "../../registry/http/send.ts";
import type { RemoteContent } from "../remote.ts";
import type { Claim } from "./claim.ts";

/** Where ranges of one content are poured into, several at the same time. */
export interface RangePlace {
  /** What a request names for its answer to come here. */
  readonly address: Place;
  /** For how long the thread that it is in has been busy so far, in milliseconds. */
  readonly busyMs: number;
  /** Whether content can be poured here. */
  takes(content: RemoteContent): boolean;
  /** Becomes a place for content that does not come where it is. Nothing may be on its way. */
  moveHere(options: AbortOptions): Promise<void>;
  /**
   * Pours content, but for its first `skip` bytes, into what is claimed; what is there already is passed over. Nothing more is written once
   * it has settled.
   */
  pour(content: RemoteContent, claim: Claim, skip: number): Promise<void>;
}

/** The pours into one place, which all have to come the same way. */
export class RangePours {
  readonly #place: RangePlace;
  #underWay = 0;
  /** The place is being moved, or was. */
  #moved: Promise<void> | undefined;

  constructor(place: RangePlace) {
    this.#place = place;
  }

  /**
   * Pours content into what is claimed. Returns whether it could: not when it comes another way than what is on its way already. Rejects
   * as `pour` of the place does.
   */
  async pour(content: RemoteContent, claim: Claim, options: AbortOptions): Promise<boolean> {
    const place = this.#place;
    if (!place.takes(content) && !this.#moved) {
      if (this.#underWay > 0) {
        await content.discard();
        return false;
      }
      this.#moved = place.moveHere(options);
    }
    await this.#moved;
    this.#underWay++;
    try {
      await place.pour(content, claim, claim.start - content.offset);
      return true;
    } finally {
      this.#underWay--;
    }
  }
}
