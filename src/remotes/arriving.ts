/**
 * What one attempt brought of a content, in bytes of the whole: those from `from` up to `to` come from it, and of those behind
 * `from` that were there before none is left.
 */
export interface Arrival {
  readonly from: number;
  readonly to: number;
}

/** Told of an arrival, once for each attempt that had the content's ingest, however it ended, and before anybody else has it. */
export type ArrivalListener = (arrival: Arrival) => void;

/** Notes how far an attempt comes. */
export class Arriving {
  #from: number;
  #to: number;

  /** @param offset bytes that were there before */
  constructor(offset: number) {
    this.#from = offset;
    this.#to = offset;
  }

  /** There are so many bytes of the whole by now. */
  reached(bytes: number): void {
    this.#to = bytes;
  }

  /** All that was there is thrown away. */
  dropped(): void {
    this.#from = 0;
    this.#to = 0;
  }

  /** What has come so far. */
  get arrival(): Arrival {
    return { from: this.#from, to: this.#to };
  }
}

/** Does `work` that brings what is missing of a content behind `offset`, and tells what came of it. */
export async function whileArriving<T>(
  offset: number,
  onArrival: ArrivalListener | undefined,
  work: (arriving: Arriving) => Promise<T>,
): Promise<T> {
  const arriving = new Arriving(offset);
  try {
    return await work(arriving);
  } finally {
    onArrival?.(arriving.arrival);
  }
}
