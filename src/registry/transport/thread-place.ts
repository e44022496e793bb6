import type { Place } from "../http/send.ts";
import type { Route } from "./pool-host.ts";
import type { RequestRoute } from "./routes.ts";

/** The thread of a place. */
export interface PlaceThread {
  /** For how long it has been busy so far, in milliseconds. */
  readonly busyMs: number;
  /** The same way, but by connections of the thread; `undefined` when it cannot go that way. */
  routeOf(route: RequestRoute): Route | undefined;
  /** Nothing touches the place when this resolves: what came of it. Rejects when the thread is dead, or dies meanwhile. */
  close(place: number): Promise<unknown>;
}

/** A place for a body in a thread. */
export class ThreadPlace implements Place {
  readonly number: number;
  readonly #thread: PlaceThread;

  constructor(number: number, thread: PlaceThread) {
    this.number = number;
    this.#thread = thread;
  }

  /** See `PlaceThread.busyMs`. */
  get busyMs(): number {
    return this.#thread.busyMs;
  }

  /** See `PlaceThread.routeOf`. */
  routeOf(route: RequestRoute): Route | undefined {
    return this.#thread.routeOf(route);
  }

  /** See `PlaceThread.close`. */
  async close(): Promise<unknown> {
    return await this.#thread.close(this.number);
  }
}
