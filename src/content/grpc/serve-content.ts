import { ErrUnavailable } from "../../errors/classes.ts";
import { checkOptions } from "../../options/check-options.ts";
import { type RulesOf, required, withMethods } from "../../options/rule.ts";
import { aFunction, aString, milliseconds } from "../../options/rules.ts";
import { listen } from "../../sockets/listen.ts";
import { A_STORE } from "../a-store.ts";
import type { Store } from "../store.ts";
import { CallRunner, guardedServiceLogger, type ServiceLogger } from "./call-runner.ts";
import { contentService } from "./content-service.ts";
import { ReaderCache } from "./reader-cache.ts";
import { RefQueue } from "./ref-queue.ts";
import { GrpcServer } from "./server/grpc-server.ts";

/** How long `close` lets calls that are under way go on, in milliseconds. */
const CLOSE_GRACE_MS = 10_000;

/** How long calls that are told to end get for it, in milliseconds: a writer syncs its bytes before its status goes out. */
const LEAVE_MS = 2_000;

/** How a store is served. */
export interface ServeContentOptions {
  /**
   * The store; stays the caller's to close, after the server.
   * @example store
   */
  readonly store: Store;
  /**
   * `unix:///PATH`, a socket that only its owner may use, or `tcp://HOST:PORT`, which anybody who reaches it may use: there is no
   * authentication. Port 0 takes a free one.
   * @example address: "unix:///var/lib/engine/served.sock"
   */
  readonly address: string;
  /**
   * The store of a namespace (header `containerd-namespace`). Calls that name no namespace, as those that containerd makes to a
   * proxy plugin, always see `store`.
   * @defaultValue all namespaces see `store`
   * @example storeFor: () => store
   */
  readonly storeFor?: ((namespace: string) => Store) | undefined;
  /**
   * Failed calls at level debug, everything a person should act on at level warn.
   * @defaultValue silent
   * @example logger
   */
  readonly logger?: ServiceLogger | undefined;
  /**
   * How long a stream waits for a ref that another one writes, in milliseconds.
   * @defaultValue 2,000
   * @example lockWaitMs: 5_000
   */
  readonly lockWaitMs?: number | undefined;
  /**
   * How long `close` lets calls that are under way go on, in milliseconds.
   * @defaultValue 10,000
   * @example closeGraceMs: 1_000
   */
  readonly closeGraceMs?: number | undefined;
}

const SERVE_OPTIONS: RulesOf<ServeContentOptions> = {
  store: required(A_STORE),
  address: required(aString),
  storeFor: aFunction,
  logger: withMethods("debug", "warn"),
  lockWaitMs: milliseconds,
  closeGraceMs: milliseconds,
};

/** A content service that is listening. */
export interface ContentServer extends AsyncDisposable {
  /** Where it listens, with the port that it got. */
  readonly address: string;
  /**
   * Takes no more connections and resolves when the last call has ended; those that have not after `closeGraceMs` end
   * with `ErrUnavailable`. What was written stays resumable. Closing twice is fine. Throws the classes of `diskError`
   * for a socket that cannot be taken away, after all else is closed.
   */
  close(): Promise<void>;
}

/**
 * Serves a store as containerd's content service (`containerd.services.content.v1.Content`), so that `ctr`, a containerd
 * with it as proxy plugin, and `proxyStore` can use it. Throws `ErrInvalidArgument` for options that cannot be,
 * `ErrAlreadyExists` for one that is taken, `ErrUnavailable`, or the classes of `diskError`.
 */
export async function serveContent(options: ServeContentOptions): Promise<ContentServer> {
  checkOptions("serve content", options, SERVE_OPTIONS);
  const { store, storeFor = () => store, lockWaitMs, closeGraceMs = CLOSE_GRACE_MS } = options;
  const logger = options.logger && guardedServiceLogger(options.logger);
  const runner = new CallRunner({
    storeFor: (namespace) => (namespace === undefined ? store : storeFor(namespace)),
    logger,
  });
  const readers = new ReaderCache();
  const grpc = new GrpcServer(contentService({ runner, readers, queue: new RefQueue(lockWaitMs) }));
  const { address, unlink } = await listen(grpc.listener, options.address, {
    service: "content service",
    logger,
  });

  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    const drained = grpc.close();
    try {
      await unlink();
    } finally {
      await shutDown({ grpc, runner, drained }, closeGraceMs);
      await readers.close();
    }
  }
  const closeOnce = (): Promise<void> => (closed ??= close());
  return { address, close: closeOnce, [Symbol.asyncDispose]: closeOnce };
}

/** A server that takes no more calls. */
interface Closing {
  readonly grpc: GrpcServer;
  readonly runner: CallRunner;
  /** Settles when the last connection has ended. */
  readonly drained: Promise<void>;
}

/** Waits for the calls under way, then ends what is left, in the end by dropping the connections. */
async function shutDown({ grpc, runner, drained }: Closing, graceMs: number): Promise<void> {
  const ended = Promise.all([drained, runner.idle()]);
  if (await settlesWithin(ended, graceMs)) return;
  grpc.stop(new ErrUnavailable("content service is closing"));
  if (await settlesWithin(ended, LEAVE_MS)) return;
  grpc.destroy();
  await settlesWithin(runner.idle(), LEAVE_MS);
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
