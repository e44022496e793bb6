import { createServer, type RequestListener } from "node:http";
import type { Distribution } from "../distribution/api/distribution.ts";
import { logIn } from "../distribution/endpoints/log-in.ts";
import { checkOptions } from "../options/check-options.ts";
import { objectWith, type RulesOf, required, withMethods } from "../options/rule.ts";
import { aFunction, aMode, aString, milliseconds } from "../options/rules.ts";
import { guardLogCall } from "../progress/guard-log-call.ts";
import { USER_AGENT } from "../registry/http/user-agent.ts";
import { listen } from "../sockets/listen.ts";
import { ApiCalls } from "./api-calls.ts";
import type { CheckLogin } from "./api-engine.ts";
import { EngineEvents } from "./catalog/engine-events.ts";
import { ImageCatalog } from "./catalog/image-catalog.ts";

/** Who may use the socket where nobody says otherwise: its owner, and its group as with dockerd's. */
const SOCKET_MODE = 0o660;

/** How long `close` lets calls that are under way go on, in milliseconds. */
const CLOSE_GRACE_MS = 10_000;

/** Most bytes of all headers of a request together: credentials are among them, and those of some clouds take ten thousand. */
const MAX_HEADER_BYTES = 64 * 1024;

/** How long a client may take to send the head of a request, in milliseconds. Bodies may take any time: archives are long. */
const HEAD_TIMEOUT_MS = 30_000;

/** How long a connection without a call is kept open, in milliseconds: clients of docker make several calls, one after the other. */
const IDLE_TIMEOUT_MS = 60_000;

/** Connections at once: each pull, each client that waits for events has one. */
const MAX_CONNECTIONS = 1_024;

/** What an engine is called that does not say otherwise. */
const OURSELVES = { name: "drayage", version: USER_AGENT.slice(USER_AGENT.indexOf("/") + 1) };

/** Where the server says what a person should know. */
export interface DockerApiLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** How docker's API is served. */
export interface DockerApiOptions {
  /**
   * The engine; stays the caller's to close, after the server.
   * @example distribution
   */
  readonly distribution: Distribution;
  /**
   * `unix:///PATH`, or `tcp://HOST:PORT`, which anybody who reaches it may use: there is no authentication. Port 0 takes a free
   * one.
   * @avoid as `tcp://` beyond loopback: whoever reaches it may pull, push and remove
   * @example address: "unix:///var/lib/engine/docker.sock"
   */
  readonly address: string;
  /**
   * Permissions of the socket; whoever may use it can pull, push and remove.
   * @unit permissions
   * @defaultValue 0o660: its owner and its group
   * @example mode: 0o600
   */
  readonly mode?: number | undefined;
  /**
   * Checks credentials for `docker login`.
   * @defaultValue `logIn` of `drayage`, with nothing known of how the registry is reached
   * @example logIn: (server, options) => logIn(server, { ...options, registry: { insecureRegistries: ["registry.internal:5000"] } })
   */
  readonly logIn?: CheckLogin | undefined;
  /**
   * What the engine calls itself.
   * @defaultValue drayage, with its version
   * @example product: { name: "engine", version: "1.2" }
   */
  readonly product?:
    | {
        /**
         * Its name.
         * @example name: "engine"
         */
        readonly name: string;
        /**
         * Its version.
         * @example version: "1.2"
         */
        readonly version: string;
      }
    | undefined;
  /**
   * Answers calls that are about something else than images: containers, networks, volumes, builds.
   * @defaultValue they are listed as empty, and all else answers 501 with a sentence
   * @example otherwise: (request, response) => void response.writeHead(404).end()
   */
  readonly otherwise?: RequestListener | undefined;
  /**
   * Failed calls at level debug, what a person should act on at level warn.
   * @defaultValue silent
   * @example logger
   */
  readonly logger?: DockerApiLogger | undefined;
  /**
   * How long `close` lets calls that are under way go on, in milliseconds.
   * @defaultValue 10,000
   * @example closeGraceMs: 1_000
   */
  readonly closeGraceMs?: number | undefined;
}

const OPTIONS: RulesOf<DockerApiOptions> = {
  distribution: required(withMethods("pull", "push", "import", "export", "tag", "remove")),
  address: required(aString),
  mode: aMode,
  logIn: aFunction,
  product: objectWith({ name: required(aString), version: required(aString) }),
  otherwise: aFunction,
  logger: withMethods("debug", "warn"),
  closeGraceMs: milliseconds,
};

/** A server of docker's API that is listening. */
export interface DockerApiServer extends AsyncDisposable {
  /** Where it listens, with the port that it got: what `DOCKER_HOST` is set to. */
  readonly address: string;
  /**
   * Takes no more calls, ends the streams of events and resolves when the last call has ended; those that have not after
   * `closeGraceMs` are aborted. Closing twice is fine. Throws the classes of `diskError` for a socket that cannot be taken away,
   * after all else is closed.
   */
  close(): Promise<void>;
}

/**
 * Serves the image half of docker's Engine API, so that the docker command line and the clients of other languages work with the
 * images of an engine: pull, push, list, inspect, tag, remove, load, save, events. What is said of registries' refusals, and
 * of images that are not here, is said in dockerd's words. Throws `ErrInvalidArgument` for options that cannot be,
 * `ErrAlreadyExists` for an address that is taken, `ErrUnavailable`, or the classes of `diskError`.
 */
export async function serveDockerApi(options: DockerApiOptions): Promise<DockerApiServer> {
  checkOptions("serve docker's API", options, OPTIONS);
  const { distribution, mode = SOCKET_MODE, otherwise, closeGraceMs = CLOSE_GRACE_MS } = options;
  const logger = options.logger && guarded(options.logger);
  const catalog = new ImageCatalog(distribution);
  const events = new EngineEvents(distribution, catalog);
  const engine = {
    distribution,
    catalog,
    events,
    checkLogin: options.logIn ?? logIn,
    product: options.product ?? OURSELVES,
  };
  const calls = new ApiCalls({ engine, otherwise, logger });
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: 0,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
    },
    (request, response) => void calls.answer(request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  const { address, unlink } = await listen(server, options.address, {
    service: "docker's API",
    mode,
    logger,
  }).catch((error: unknown) => {
    events.close();
    throw error;
  });

  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    const drained = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    try {
      await unlink();
    } finally {
      await calls.end(closeGraceMs);
      server.closeAllConnections();
      await drained;
      events.close();
    }
  }
  const closeOnce = (): Promise<void> => (closed ??= close());
  return { address, close: closeOnce, [Symbol.asyncDispose]: closeOnce };
}

/** `logger`, whose failures end no call. */
function guarded(logger: DockerApiLogger): DockerApiLogger {
  return {
    debug: guardLogCall((fields, message) => logger.debug(fields, message)),
    warn: guardLogCall((fields, message) => logger.warn(fields, message)),
  };
}
