import type { EventEmitter } from "eventemitter3";
import { familiarString } from "../reference/familiar.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import { type Endpoint, originOf } from "../registry/endpoints/endpoint.ts";
import type { Purpose } from "../registry/endpoints/lookup-endpoints.ts";
import type { PassedEndpoint } from "./distribution.ts";
import { isPlainTwin } from "./endpoint-errors.ts";
import { type EndpointAttempt, tryEndpoints } from "./endpoint-loop.ts";
import type { DistributionEvents } from "./events.ts";
import type { Logger } from "./logger.ts";
import type { Operation } from "./operation.ts";
import type { OpenRepository, Repositories } from "./repositories.ts";

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
  /** Opens the repository at an endpoint; called once per endpoint. */
  readonly open: (endpoint: Endpoint) => OpenRepository<R>;
}

/** What came of one run along the endpoints. */
export interface Served<T> {
  readonly value: T;
  /** Origin of the endpoint that did it. */
  readonly endpoint: string;
}

interface Station<R> extends OpenRepository<R> {
  readonly endpoint: Endpoint;
}

/**
 * The way of one operation along the endpoints of a repository, for pulls and pushes alike. It may be run several times, once
 * for each name that the operation is about: each run starts at the first endpoint that was not given up by an earlier one.
 */
export class EndpointWalk<R> {
  readonly #stations: readonly Station<R>[];
  readonly #givenUp = new Set<Endpoint>();
  readonly #passedOver: PassedEndpoint[] = [];
  readonly #engine: Pick<WalkEngine, "events" | "logger">;
  readonly #purpose: Purpose;
  readonly #operation: Operation;

  private constructor(
    stations: readonly Station<R>[],
    engine: Pick<WalkEngine, "events" | "logger">,
    purpose: Purpose,
    operation: Operation,
  ) {
    this.#stations = stations;
    this.#engine = engine;
    this.#purpose = purpose;
    this.#operation = operation;
  }

  /** Looks the endpoints up and opens the repository at each; no request is sent. Throws `ErrInvalidArgument`. */
  static async start<R>(
    engine: WalkEngine,
    { reference, purpose, open }: WalkRoute<R>,
    operation: Operation,
  ): Promise<EndpointWalk<R>> {
    const endpoints = await engine.repositories.endpoints(reference, purpose, operation);
    const stations = endpoints.map((endpoint) => ({ endpoint, ...open(endpoint) }));
    return new EndpointWalk(stations, engine, purpose, operation);
  }

  /** The endpoints that were passed over so far, oldest first. */
  get passedOver(): readonly PassedEndpoint[] {
    return this.#passedOver;
  }

  /** Does `work` at one endpoint after another until one succeeds. Throws what `tryEndpoints` throws. */
  async run<T>(reference: NormalizedReference, work: (repository: R) => Promise<T>): Promise<Served<T>> {
    const usable = this.#stations.filter(({ endpoint }) => !this.#givenUp.has(endpoint));
    const attempts = (usable.length > 0 ? usable : this.#stations).map(
      ({ endpoint, repository, answered }): EndpointAttempt<Served<T>> => ({
        endpoint,
        answered,
        run: async () => ({ value: await work(repository), endpoint: originOf(endpoint) }),
      }),
    );
    return await tryEndpoints(attempts, {
      familiar: familiarString(reference),
      signal: this.#operation.signal,
      onFallback: (endpoint, error, { givenUp }) => {
        this.#passOver(endpoint, error, givenUp);
        const event = { reference: reference.toString(), endpoint: originOf(endpoint), error };
        this.#engine.events.emit("fallback", event);
      },
    });
  }

  #passOver(endpoint: Endpoint, error: unknown, givenUp: boolean): void {
    // A registry that answered over TLS stays, because its plain HTTP side must not take its place.
    const answered = this.#stations.some((station) => station.endpoint === endpoint && station.answered());
    if (givenUp && (endpoint.mirror || !answered)) this.#givenUp.add(endpoint);
    this.#passedOver.push({ endpoint: originOf(endpoint), error });
    const isQuestion = !answered && this.#stations.some((station) => isPlainTwin(station.endpoint, endpoint));
    // Whether a host speaks TLS at all is asked at its address: a "no" is nothing to worry anybody with.
    this.#engine.logger[isQuestion ? "debug" : "warn"](
      { endpoint: originOf(endpoint), err: error },
      `${this.#purpose} failed here, trying the next endpoint`,
    );
  }
}
