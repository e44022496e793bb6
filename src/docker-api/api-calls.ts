import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { ErrCanceled, ErrUnavailable } from "../errors/classes.ts";
import { hostPlatform } from "../platform/host-platform.ts";
import type { ApiEngine } from "./api-engine.ts";
import { API_VERSION } from "./calls/system.ts";
import { answerFailure } from "./http/answers.ts";
import { failureOf } from "./http/failure.ts";
import { pageNotFound } from "./http/refusal.ts";
import { routeOf } from "./routes.ts";

/** How long calls that are told to end get for it, in milliseconds. */
const LEAVE_MS = 2_000;

/** What calls are answered with. */
export interface ApiCallsParts {
  readonly engine: ApiEngine;
  /** Answers what is not about images, where somebody does. */
  readonly otherwise: RequestListener | undefined;
  readonly logger: { debug(fields: object, message: string): void } | undefined;
}

/** The calls of all clients: each has a signal, and the server's end waits for them. */
export class ApiCalls {
  readonly #parts: ApiCallsParts;
  readonly #underWay = new Map<Promise<void>, AbortController>();
  readonly #closing = new AbortController();

  constructor(parts: ApiCallsParts) {
    this.#parts = parts;
  }

  /** Answers a call; never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) left.abort(new ErrCanceled("context canceled"));
    });
    response.on("error", () => {}); // its end tells the same
    request.on("error", () => {});
    const answering = this.#answer(request, response, left.signal);
    this.#underWay.set(answering, left);
    await answering;
    this.#underWay.delete(answering);
  }

  /** Ends what only waits, then after `graceMs` everything else. Resolves when all calls have ended. */
  async end(graceMs: number): Promise<void> {
    this.#closing.abort();
    if (await this.#ended(graceMs)) return;
    for (const left of this.#underWay.values()) left.abort(new ErrUnavailable("the engine is closing"));
    await this.#ended(LEAVE_MS);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const { engine, otherwise, logger } = this.#parts;
    const { method = "", url = "" } = request;
    try {
      describeServer(response, engine);
      const [path = "", ...query] = url.split("?");
      const route = routeOf(method, path);
      if (otherwise && (!route || route.isAbsent)) return otherwise(request, response);
      if (!route) throw pageNotFound();
      const { handler, subject } = route;
      const parameters = new URLSearchParams(query.join("?"));
      const closing = this.#closing.signal;
      await handler({ engine, request, response, subject, query: parameters, signal, closing });
    } catch (error) {
      const { status, message } = failureOf(error);
      logger?.debug({ method, path: url.split("?", 1)[0], status, reason: message }, "a call failed");
      answerFailure(response, { status, message });
    }
  }

  async #ended(ms: number): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    try {
      return await Promise.race([Promise.all(this.#underWay.keys()).then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What each answer says of the server, and what clients choose their version by. */
function describeServer(response: ServerResponse, { product: { name, version } }: ApiEngine): void {
  const { os } = hostPlatform();
  response.setHeader("api-version", API_VERSION);
  response.setHeader("docker-experimental", "false");
  response.setHeader("ostype", os);
  response.setHeader("server", `${name}/${version} (${os})`);
}
