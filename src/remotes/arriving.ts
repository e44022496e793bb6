/**
 * What one attempt brought of a content, in bytes, wherever in it they belong: there were `from` of them that it has kept, and there
 * are `to` now.
 */
export interface Arrival {
  readonly from: number;
  readonly to: number;
  /** How many of those that came are from other endpoints than the one that was asked, by origin. Absent: none. */
  readonly beside?: ReadonlyMap<string, number>;
}

/** Told of an arrival, once for each attempt that had the content's ingest, however it ended, and before anybody else has it. */
export type ArrivalListener = (arrival: Arrival) => void;

/** Told how content grows in a file, in order from its first byte, while it arrives. */
export interface GrowthListener {
  /** From now on it grows in this file, which holds `bytes` of it. */
  begins(file: { readonly path: string; readonly size: number; readonly bytes: number }): void;
  /** There are so many bytes of the whole by now. */
  reached(bytes: number): void;
  /** None of them may be relied on. */
  dropped(): void;
}

/** Notes how far an attempt comes. */
export class Arriving {
  #from: number;
  #to: number;
  readonly #growth: GrowthListener | undefined;
  readonly #beside = new Map<string, number>();

  /**
   * @param offset bytes that were there before
   * @param growth is told of all there are
   */
  constructor(offset: number, growth?: GrowthListener) {
    this.#from = offset;
    this.#to = offset;
    this.#growth = growth;
  }

  /** Whether somebody reads along. */
  get isFollowed(): boolean {
    return this.#growth !== undefined;
  }

  /** There turn out to be so many bytes, also behind holes. Before any has come. */
  begins(bytes: number): void {
    this.#from = bytes;
    this.#to = bytes;
  }

  /** There are `edge` bytes without a hole by now, and so many in all. */
  reached(edge: number, bytes = edge): void {
    this.#to = bytes;
    this.#growth?.reached(edge);
  }

  /** So many of the bytes came from another endpoint than the one that was asked. */
  cameFrom(endpoint: string, bytes: number): void {
    this.#beside.set(endpoint, (this.#beside.get(endpoint) ?? 0) + bytes);
  }

  /** All that was there is thrown away. */
  dropped(): void {
    this.#beside.clear();
    this.#from = 0;
    this.#to = 0;
    this.#growth?.dropped();
  }

  /** What has come so far. */
  get arrival(): Arrival {
    const arrival = { from: this.#from, to: this.#to };
    return this.#beside.size > 0 ? { ...arrival, beside: this.#beside } : arrival;
  }
}

/** Who is told of what arrives. */
export interface ArrivalListeners {
  readonly onArrival?: ArrivalListener | undefined;
  readonly growth?: GrowthListener | undefined;
}

/** Does `work` that brings what is missing of a content behind `offset`, and tells what came of it. */
export async function whileArriving<T>(
  offset: number,
  { onArrival, growth }: ArrivalListeners,
  work: (arriving: Arriving) => Promise<T>,
): Promise<T> {
  const arriving = new Arriving(offset, growth);
  try {
    return await work(arriving);
  } finally {
    onArrival?.(arriving.arrival);
  }
}
