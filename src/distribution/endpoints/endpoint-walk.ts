import type { EventEmitter } from "eventemitter3";
import { ErrNoSupport } from "../../errors/classes.ts";
import { messageOf } from "../../errors/message-of.ts";
import { findError } from "../../errors/predicates.ts";
import { familiarString } from "../../reference/familiar.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Capability } from "../../registry/configuration/capability.ts";
import { type Endpoint, originOf } from "../../registry/endpoints/endpoint.ts";
import type { Purpose } from "../../registry/endpoints/registry-options.ts";
import type { DistributionEvents } from "../api/events.ts";
import type { Logger } from "../api/logger.ts";
import type { Operation } from "../api/operation.ts";
import type { PassedEndpoint } from "../api/passed-endpoint.ts";
import { byHealth } from "../health/by-health.ts";
import type { Alternatives } from "../health/with-health.ts";
import { isPlainTwin } from "./endpoint-errors.ts";
import { type EndpointAttempt, type EndpointFailure, tryEndpoints } from "./endpoint-loop.ts";
import { judge } from "./fallback.ts";
import { NO_V1 } from "./no-v1.ts";
import type { OpenRepository, Repositories, Surroundings } from "./repositories.ts";

/** What walks of one engine share. */
export interface WalkEngine {
  readonly repositories: Repositories;
  readonly events: Pick<EventEmitter<DistributionEvents>, "emit">;
  readonly logger: Logger;
}

/** Where a walk leads. */
export interface WalkRoute<R> {
  /** Whose endpoints are walked along. */
  readonly reference: NormalizedReference;
  readonly purpose: Purpose;
  /** Opens the repository at an endpoint of version 2; called at most once per endpoint and alternatives. */
  readonly open: (endpoint: Endpoint, surroundings: Surroundings) => OpenRepository<R>;
  /** The same for version 1. Absent: it cannot be used for this, and each such endpoint fails with `ErrNoSupport`. */
  readonly openV1?:
    | ((endpoint: Endpoint, surroundings: Surroundings) => Promise<OpenRepository<R>>)
    | undefined;
}

/** What came of one run along the endpoints. */
export interface Served<T> {
  readonly value: T;
  /** Origin of the endpoint that did it. */
  readonly endpoint: string;
}

/** An endpoint, and its repository as it was opened for one purpose or another. */
class Station<R> {
  readonly endpoint: Endpoint;
  readonly #route: WalkRoute<R>;
  readonly #hasPlainTwin: boolean;
  readonly #opened = new Map<Alternatives, OpenRepository<R>>();

  constructor(endpoint: Endpoint, { route, all }: { route: WalkRoute<R>; all: readonly Endpoint[] }) {
    this.endpoint = endpoint;
    this.#route = route;
    this.#hasPlainTwin = all.some((other) => isPlainTwin(other, endpoint));
  }

  /** The repository here. Throws `ErrNoSupport` where the API is of no use for what is wanted. */
  async at(alternatives: Alternatives): Promise<R> {
    const known = this.#opened.get(alternatives) ?? (await this.#open(alternatives));
    this.#opened.set(alternatives, known);
    return known.repository;
  }

  async #open(alternatives: Alternatives): Promise<OpenRepository<R>> {
    const { open, openV1, purpose } = this.#route;
    const surroundings = { alternatives, hasPlainTwin: this.#hasPlainTwin };
    if (this.endpoint.version !== 1) return open(this.endpoint, surroundings);
    if (openV1) return await openV1(this.endpoint, surroundings);
    throw new ErrNoSupport(NO_V1[purpose], { endpoint: originOf(this.endpoint) });
  }

  /** How many HTTP answers it has given. */
  get answers(): number {
    return [...this.#opened.values()].reduce((sum, { answers }) => sum + answers(), 0);
  }
}

/**
 * The way of one operation along the endpoints of a repository, for pulls and pushes alike. It may be run several times, once
 * for each name that the operation is about: each run starts at the first endpoint that was not given up by an earlier one.
 */
export class EndpointWalk<R> {
  readonly #stations: readonly Station<R>[];
  readonly #givenUp = new Set<Endpoint>();
  readonly #passedOver: PassedEndpoint[] = [];
  readonly #engine: WalkEngine;
  readonly #purpose: Purpose;
  readonly #operation: Operation;

  private constructor(
    stations: readonly Station<R>[],
    engine: WalkEngine,
    purpose: Purpose,
    operation: Operation,
  ) {
    this.#stations = stations;
    this.#engine = engine;
    this.#purpose = purpose;
    this.#operation = operation;
  }

  /** Looks the endpoints up; no request is sent. Throws `ErrInvalidArgument`. */
  static async start<R>(
    engine: WalkEngine,
    route: WalkRoute<R>,
    operation: Operation,
  ): Promise<EndpointWalk<R>> {
    const { reference, purpose } = route;
    const endpoints = await engine.repositories.endpoints(reference, purpose, operation);
    const stations = endpoints.map((endpoint) => new Station(endpoint, { route, all: endpoints }));
    return new EndpointWalk(stations, engine, purpose, operation);
  }

  /** The endpoints that were passed over so far, oldest first. */
  get passedOver(): readonly PassedEndpoint[] {
    return this.#passedOver;
  }

  /** Whether no endpoint is left that anything could be asked of. */
  get isOver(): boolean {
    return this.#usable.length === 0;
  }

  /** Whether there are endpoints that know what a tag means and have nothing else, or the other way round. */
  get isDivided(): boolean {
    return this.#stations.some(({ endpoint: { capabilities } }) => {
      return capabilities.includes("pull") !== capabilities.includes("resolve");
    });
  }

  /**
   * Does `work` at one endpoint after another, of those that may be used for it, until one succeeds. Throws what `tryEndpoints`
   * throws.
   */
  async run<T>(
    reference: NormalizedReference,
    work: (repository: R) => Promise<T>,
    use: Capability = this.#purpose,
  ): Promise<Served<T>> {
    const able = this.#usable.filter(({ endpoint }) => endpoint.capabilities.includes(use));
    const placed = await byHealth(able, this.#engine.repositories);
    const answersBefore = new Map(this.#stations.map(({ endpoint, answers }) => [endpoint, answers]));
    const asked = new Set<Endpoint>();
    const attempts = placed.map(
      ({ station, setBack }): EndpointAttempt<{ readonly value: T; readonly server: Station<R> }> => ({
        endpoint: station.endpoint,
        setBack: setBack !== undefined,
        answered: () => station.answers > 0,
        run: async (alternatives) => {
          asked.add(station.endpoint);
          return { value: await this.#attempt(station, alternatives, work), server: station };
        },
      }),
    );
    const { value, server } = await tryEndpoints(attempts, {
      familiar: familiarString(reference),
      signal: this.#operation.signal,
      onFailure: (failure) => {
        if (this.#isDown(failure, answersBefore)) this.#givenUp.add(failure.endpoint);
        if (failure.passedOver) this.#passOver(reference, failure);
      },
    });
    const place = this.#stations.indexOf(server);
    for (const { station, setBack } of placed) {
      const { endpoint } = station;
      const isBefore = this.#stations.indexOf(station) < place;
      if (setBack && isBefore && !asked.has(endpoint)) {
        this.#tell({ reference, endpoint, error: setBack, level: "debug" });
      }
    }
    return { value, endpoint: originOf(server.endpoint) };
  }

  /**
   * Repositories beside that of an endpoint, which may be asked for the same at the same time: those that `accepts` says, are well, and
   * are no plain side of a registry. No request is sent.
   */
  async beside(endpoint: Endpoint, accepts: (other: Endpoint) => boolean): Promise<readonly R[]> {
    const able = this.#usable.filter(({ endpoint: other }) => {
      const isAble = other.version !== 1 && other.capabilities.includes(this.#purpose);
      return other !== endpoint && isAble && !this.#secured(other) && accepts(other);
    });
    const placed = await byHealth(able, this.#engine.repositories);
    const well = placed.filter(({ setBack }) => setBack === undefined);
    return await Promise.all(well.map(({ station }) => station.at("better")));
  }

  /** What comes of an attempt is remembered for those who have a choice. */
  async #attempt<T>(
    station: Station<R>,
    alternatives: Alternatives,
    work: (repository: R) => Promise<T>,
  ): Promise<T> {
    const { health } = this.#engine.repositories;
    const endpoint = originOf(station.endpoint);
    try {
      const value = await work(await station.at(alternatives));
      if (alternatives !== "none") await health.served(endpoint);
      return value;
    } catch (error) {
      const isIll = !this.#operation.signal?.aborted && judge(error, station.endpoint).ill;
      if (isIll && alternatives !== "none") {
        await health.failed(endpoint, { unreachable: false, why: messageOf(error) });
      }
      throw error;
    }
  }

  /** The plain side of a registry that has answered over TLS must not take its place. */
  get #usable(): readonly Station<R>[] {
    return this.#stations.filter(
      ({ endpoint }) => !this.#givenUp.has(endpoint) && !this.#secured(endpoint)?.answers,
    );
  }

  /** The same host over TLS, where that is asked before `endpoint`. */
  #secured(endpoint: Endpoint): Station<R> | undefined {
    return this.#stations.find((station) => isPlainTwin(endpoint, station.endpoint));
  }

  /** Whether nothing else is to be asked of an endpoint: a registry is given the benefit of an answer, of whatever kind. */
  #isDown(
    { endpoint, error, judgement }: EndpointFailure,
    answersBefore: ReadonlyMap<Endpoint, number>,
  ): boolean {
    if (!judgement.ofEndpoint || endpoint.mirror) return judgement.ofEndpoint;
    const isSilent = findError(error)?.httpStatus === undefined;
    return isSilent && this.#answersOf(endpoint) === answersBefore.get(endpoint);
  }

  #answersOf(endpoint: Endpoint): number {
    return this.#stations.find((station) => station.endpoint === endpoint)?.answers ?? 0;
  }

  #passOver(reference: NormalizedReference, { endpoint, error }: EndpointFailure): void {
    const hasPlainTwin = this.#stations.some((station) => isPlainTwin(station.endpoint, endpoint));
    const isQuestion = hasPlainTwin && this.#answersOf(endpoint) === 0;
    // Whether a host speaks TLS at all is asked at its address: a "no" is nothing to worry anybody with.
    this.#tell({ reference, endpoint, error, level: isQuestion ? "debug" : "warn" });
  }

  #tell({
    reference,
    endpoint: { baseUrl },
    error,
    level,
  }: PassedOver & { readonly level: "debug" | "warn" }): void {
    const { events, logger } = this.#engine;
    const endpoint = new URL(baseUrl).origin;
    this.#passedOver.push({ endpoint, error });
    logger[level](
      { operation: this.#operation.id, endpoint, err: error },
      `${this.#purpose} failed here, trying the next endpoint`,
    );
    events.emit("fallback", { reference: reference.toString(), endpoint, error });
  }
}

/** An endpoint that did not serve a reference. */
interface PassedOver {
  readonly reference: NormalizedReference;
  readonly endpoint: Endpoint;
  readonly error: unknown;
}
