import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type AbortOptions, abortable } from "../async/abort.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { ServiceClient } from "../content/grpc/service-client.ts";
import { ErrFailedPrecondition } from "../errors/classes.ts";
import { isNotFound } from "../errors/predicates.ts";
import { AddResourceRequestSchema, CreateRequestSchema, DeleteRequestSchema } from "./api/leases_pb.ts";
import { leaseMethods } from "./api/methods.ts";

/**
 * After this time containerd drops a lease of its own accord, in milliseconds: that of a process that was killed. It is what
 * containerd's own clients take.
 */
const LEASE_MS = 24 * 60 * 60 * 1000;

/**
 * From this age on, in milliseconds, a lease gets no new holders: so that an engine that is never idle does not keep all that it
 * ever brought.
 */
const ROTATE_AFTER_MS = 60_000;

/** Longest wait for a lease to be deleted, in milliseconds: one that stays expires. */
const DELETE_TIMEOUT_MS = 10_000;

/** Something of containerd's that a lease keeps. */
export interface LeasedResource {
  /** `content`, or `snapshots/` and the name of a snapshotter. */
  readonly type: string;
  readonly id: string;
}

/** Lets go, once; never rejects. What cannot be given back expires. */
export type LetGo = () => Promise<void>;

interface Lease {
  readonly id: string;
  /** By the clock's elapsed time. */
  readonly since: number;
  /** What it keeps that was there before. */
  readonly resources: Set<string>;
  holders: number;
}

/** Whoever calls containerd's lease service. */
export type LeaseService = Pick<ServiceClient, "unary" | "remove">;

/** How leases are taken. */
export interface LeasesOptions {
  readonly clock?: Clock | undefined;
  /** A lease of the caller's, which is named instead of any of ours, and stays. */
  readonly given?: string | undefined;
}

/**
 * What keeps containerd's garbage collector away from work that goes on. All work shares the newest lease, and keeps the later
 * ones as well, because calls name the newest there is: a lease goes when nobody holds it or one before it.
 */
export class Leases {
  readonly #client: LeaseService;
  readonly #clock: Clock;
  readonly #given: Lease | undefined;
  readonly #turn = new Semaphore(1);
  /** Oldest first. */
  readonly #leases: Lease[] = [];

  /** @param client names `current` with each call */
  constructor(client: LeaseService, { clock = systemClock, given }: LeasesOptions = {}) {
    this.#client = client;
    this.#clock = clock;
    this.#given = given === undefined ? undefined : { id: given, since: 0, resources: new Set(), holders: 0 };
  }

  /** The lease that calls name now; `undefined` while nobody holds one. */
  get current(): string | undefined {
    return this.#newest?.id;
  }

  /** Keeps what is brought, or found by `keep`, until it is let go. Throws what the service throws. */
  async hold(options: AbortOptions = {}): Promise<LetGo> {
    if (this.#given) return async () => {};
    const release = await this.#turn.acquire(options);
    // Whoever gives up leaves a lease that the next one takes.
    const taken = this.#take().finally(release);
    taken.catch(() => {});
    const lease = await abortable(taken, options.signal).catch((error: unknown) => {
      void taken.then((late) => this.#drop(late)).catch(() => {});
      throw error;
    });
    let isHeld = true;
    return async () => {
      if (!isHeld) return;
      isHeld = false;
      await this.#drop(lease);
    };
  }

  /**
   * Keeps something that may be there already, as long as everything else: whoever finds it afterwards may rely on it. Does
   * nothing while nobody holds a lease. Throws `ErrFailedPrecondition` when the lease is gone.
   */
  async keep(resource: LeasedResource, { signal }: AbortOptions = {}): Promise<void> {
    const lease = this.#newest;
    const key = `${resource.type} ${resource.id}`;
    if (!lease || lease.resources.has(key)) return;
    const request = create(AddResourceRequestSchema, { id: lease.id, resource });
    try {
      await this.#client.unary(leaseMethods.addResource, { request, signal });
    } catch (cause) {
      if (!isNotFound(cause)) throw cause; // it would read as if the resource were missing
      throw new ErrFailedPrecondition(`keep ${key}: somebody has deleted the lease ${lease.id}`, { cause });
    }
    lease.resources.add(key);
  }

  get #newest(): Lease | undefined {
    return this.#given ?? this.#leases.at(-1);
  }

  async #take(): Promise<Lease> {
    const newest = this.#leases.at(-1);
    const lease = newest && this.#isFresh(newest) ? newest : await this.#create();
    if (lease !== newest) this.#leases.push(lease);
    lease.holders++;
    return lease;
  }

  #isFresh({ since }: Lease): boolean {
    return this.#clock.elapsed() - since < ROTATE_AFTER_MS;
  }

  async #create(): Promise<Lease> {
    const id = `drayage-${randomBytes(12).toString("hex")}`;
    const expire = new Date(this.#clock.now() + LEASE_MS).toISOString();
    const request = create(CreateRequestSchema, { id, labels: { "containerd.io/gc.expire": expire } });
    await this.#client.unary(leaseMethods.create, { request });
    return { id, since: this.#clock.elapsed(), resources: new Set(), holders: 0 };
  }

  async #drop(lease: Lease): Promise<void> {
    lease.holders--;
    while (this.#leases[0]?.holders === 0) {
      const unused = this.#leases.shift();
      if (unused) await this.#delete(unused);
    }
  }

  async #delete({ id }: Lease): Promise<void> {
    const request = create(DeleteRequestSchema, { id });
    const signal = AbortSignal.timeout(DELETE_TIMEOUT_MS);
    await this.#client.remove(leaseMethods.delete, { request, signal }).catch(() => {});
  }
}
