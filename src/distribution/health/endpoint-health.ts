import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { ErrCanceled, ErrUnavailable } from "../../errors/classes.ts";
import type { Logger } from "../api/logger.ts";
import { Contacts } from "./contacts.ts";
import { type Illness, type NewIllness, stageOf, worsened } from "./illness.ts";
import { IllnessFiles } from "./illness-file.ts";

/** How long an answer, or a connection that stands, speaks for the next request, in milliseconds. */
export const FRESH_MS = 5_000;

/** How long to wait while somebody else connects to the same endpoint, in milliseconds; then the next endpoint is asked. */
export const CONTACT_PATIENCE_MS = 1_000;

/** How often it is looked whether another process has connected, in milliseconds. */
const POLL_MS = 25;

/** Endpoints that are remembered in the process. */
const MAX_ENDPOINTS = 256;

/** What the health of endpoints is made of. */
export interface EndpointHealthParts {
  /** The data root. */
  readonly root: string;
  /** What is found out is remembered in the process only. Default false. */
  readonly readOnly?: boolean | undefined;
  readonly logger: Logger;
  readonly clock?: Clock | undefined;
  /** Uniform random number in [0, 1). */
  readonly random?: (() => number) | undefined;
}

/** Asks an endpoint how it is. Resolves with what is wrong, or with nothing. */
export type Probe = (signal: AbortSignal) => Promise<NewIllness | undefined>;

/**
 * What the processes of a data root know of endpoints, by their origins: which could not serve, and since when. It decides
 * about the order in which endpoints are asked, never whether: all that can be lost with it is a time-out. What cannot be
 * kept on the disk is remembered in the process. The owner closes it.
 */
export class EndpointHealth {
  readonly #files: IllnessFiles;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #contacts = new Contacts();
  /** Illnesses that were noted or found here, by origin. */
  readonly #known = new BoundedMap<string, Illness & { readonly saved: boolean }>(MAX_ENDPOINTS);
  /** Until when an endpoint counts as reachable, by the clock's `elapsed`. */
  readonly #freshUntilMs = new BoundedMap<string, number>(MAX_ENDPOINTS);
  readonly #probes = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor({ root, readOnly, logger, clock = systemClock, random = Math.random }: EndpointHealthParts) {
    this.#files = new IllnessFiles(root, clock, { readOnly });
    this.#logger = logger;
    this.#clock = clock;
    this.#random = random;
  }

  /** The illness of an endpoint, as long as it means anything; `due` when one request may see how it is. */
  async illnessOf(origin: string): Promise<{ readonly illness: Illness; readonly due: boolean } | undefined> {
    const illness = await this.#read(origin);
    const stage = illness && stageOf(illness, this.#clock.now());
    if (stage === "over") await this.served(origin);
    return illness && (stage === "resting" || stage === "due")
      ? { illness, due: stage === "due" }
      : undefined;
  }

  /** The endpoint could not serve. Failures during a rest are those of one illness. */
  async failed(origin: string, failure: NewIllness): Promise<void> {
    this.#freshUntilMs.delete(origin);
    const nowMs = this.#clock.now();
    const before = await this.#read(origin);
    const isKnown = before !== undefined && stageOf(before, nowMs) === "resting";
    if (isKnown && (before.unreachable || !failure.unreachable)) return;
    const illness = worsened(before, failure, { nowMs, random: this.#random });
    this.#logger.debug({ endpoint: origin, ...illness }, "the endpoint is asked last for a while");
    await this.#keep(origin, illness);
  }

  /** The endpoint has served: whatever was wrong with it is forgotten. */
  async served(origin: string): Promise<void> {
    if (!this.#known.get(origin)) return;
    this.#known.delete(origin);
    this.#logger.debug({ endpoint: origin }, "the endpoint serves again");
    await this.#files.forget(origin).catch((error: unknown) => this.#lost(error));
  }

  /** The endpoint has taken a connection, or answered. */
  reached(origin: string): void {
    this.#freshUntilMs.set(origin, this.#clock.elapsed() + FRESH_MS);
  }

  /**
   * Waits until it is known that the endpoint takes connections, or gives the right to find out, which the caller
   * gives back as soon as it knows. Whoever comes while another caller, of whatever process, is finding out waits for
   * `CONTACT_PATIENCE_MS` at most. Throws `ErrUnavailable` with `notSent` when the endpoint cannot be reached or that
   * time is over.
   */
  async contact(origin: string, { signal }: AbortOptions): Promise<Release> {
    const endMs = this.#clock.elapsed() + CONTACT_PATIENCE_MS;
    for (;;) {
      throwIfAborted(signal);
      if ((this.#freshUntilMs.get(origin) ?? 0) > this.#clock.elapsed()) return () => {};
      this.#refuse(origin, this.#known.get(origin));
      const leave = this.#contacts.enter(origin);
      if (leave) return await this.#findOut(origin, leave, { endMs, signal });
      await this.#contacts.left(origin, { ms: this.#timeLeft(origin, endMs), clock: this.#clock, signal });
    }
  }

  /** Has `probe` see how an endpoint is whose illness is due, unless somebody else does. Nobody waits for it. */
  probe(origin: string, probe: Probe): void {
    if (this.#probes.has(origin) || this.#closing.signal.aborted) return;
    const probing = this.#probeOnce(origin, probe).finally(() => this.#probes.delete(origin));
    this.#probes.set(origin, probing);
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new ErrCanceled("distribution closed"));
    await Promise.all(this.#probes.values());
  }

  /** Of this process it is the caller's turn; another one may be finding out, or have found out just before. */
  async #findOut(
    origin: string,
    leave: Release,
    { endMs, signal }: AbortOptions & { readonly endMs: number },
  ): Promise<Release> {
    let unlock: Release | undefined;
    const release = (): void => {
      unlock?.();
      unlock = undefined;
      leave();
    };
    try {
      for (;;) {
        unlock = await this.#lock(origin);
        this.#refuse(origin, await this.#read(origin));
        if (unlock) return release;
        await this.#clock.sleep(Math.min(POLL_MS, this.#timeLeft(origin, endMs)), { signal });
      }
    } catch (error) {
      release();
      throw error;
    }
  }

  #timeLeft(origin: string, endMs: number): number {
    const leftMs = endMs - this.#clock.elapsed();
    if (leftMs > 0) return leftMs;
    throw notAsked(origin, "somebody else is waiting for a connection to it");
  }

  #refuse(origin: string, illness: Illness | undefined): void {
    if (!illness?.unreachable) return;
    const stage = stageOf(illness, this.#clock.now());
    if (stage === "resting" || stage === "due") throw notAsked(origin, illness.why);
  }

  async #probeOnce(origin: string, probe: Probe): Promise<void> {
    const release = await this.#lock(origin);
    if (!release) return;
    const { signal } = this.#closing;
    try {
      const found = await this.illnessOf(origin);
      if (!found?.due) return;
      const failure = await probe(signal);
      if (signal.aborted) return;
      if (failure) await this.failed(origin, failure);
      else await this.#keep(origin, { ...found.illness, restMs: 0 });
    } finally {
      release();
    }
  }

  async #read(origin: string): Promise<Illness | undefined> {
    const known = this.#known.get(origin);
    const stored = await this.#files.read(origin).catch((error: unknown) => this.#lost(error));
    if (stored) this.#known.set(origin, { ...stored, saved: true });
    else if (known?.saved) this.#known.delete(origin); // another process has seen it well
    return stored ?? (known?.saved ? undefined : known);
  }

  async #keep(origin: string, illness: Illness): Promise<void> {
    this.#known.set(origin, { ...illness, saved: false });
    try {
      await this.#files.write(origin, illness);
      this.#known.set(origin, { ...illness, saved: true });
    } catch (error) {
      this.#lost(error);
    }
  }

  /** Where there can be no lock, only this process knows. */
  async #lock(origin: string): Promise<Release | undefined> {
    try {
      return await this.#files.tryLock(origin);
    } catch (error) {
      this.#lost(error);
      return () => {};
    }
  }

  #lost(err: unknown): undefined {
    this.#logger.debug({ err }, "how endpoints are is known to this process only");
  }
}

function notAsked(endpoint: string, why: string): ErrUnavailable {
  const details = { endpoint, retryable: false, notSent: true };
  return new ErrUnavailable(`${endpoint}: not asked: ${why}`, details);
}
