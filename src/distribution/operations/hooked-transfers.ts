import type { Waiter } from "../../async/waiting.ts";
import { ErrPermissionDenied } from "../../errors/classes.ts";
import type { PushedContent } from "../../remotes/refused-bytes.ts";
import type { Fetcher } from "../../remotes/remote.ts";
import type { Logger } from "../api/logger.ts";
import type { Transfer, TransferContext, TransferHooks } from "../api/transfer-hooks.ts";
import { askHook } from "./ask-hook.ts";

/**
 * Transfers that give back their slots while `before` takes its time: each has an ingest open, and somebody else begins in its place.
 * Whoever comes beyond that keeps its slot.
 */
const MAX_OPEN_WAITS = 64;

/** On whose behalf a transfer runs. */
interface Attempt {
  readonly signal?: AbortSignal | undefined;
  readonly waiter?: Waiter | undefined;
}

/** The hooks of an engine around its transfers; without any, nothing is called. */
export class HookedTransfers {
  readonly #hooks: TransferHooks;
  readonly #logger: Pick<Logger, "warn">;
  #openWaits = 0;

  constructor(hooks: TransferHooks | undefined, logger: Pick<Logger, "warn">) {
    this.#hooks = hooks ?? {};
    this.#logger = logger;
  }

  /** Runs one attempt: `work` tells when its first byte is about to move, and how many are there. */
  async run<T>(
    transfer: Transfer,
    { signal, waiter }: Attempt,
    work: (one: OneTransfer) => Promise<T>,
  ): Promise<T> {
    const one = new OneTransfer(transfer, this.#hooks, { signal, waiter: waiter && this.#bounded(waiter) });
    try {
      const result = await work(one);
      this.#ended(one, {});
      return result;
    } catch (error) {
      this.#ended(one, { error });
      throw error;
    }
  }

  #bounded(waiter: Waiter): Waiter {
    return {
      wait: async (reason, work) => {
        if (this.#openWaits >= MAX_OPEN_WAITS) return await work(undefined);
        this.#openWaits++;
        try {
          return await waiter.wait(reason, work);
        } finally {
          this.#openWaits--;
        }
      },
    };
  }

  #ended({ hasBegun, transfer, bytes }: OneTransfer, end: { readonly error?: unknown }): void {
    const { after } = this.#hooks;
    if (!after || !hasBegun) return;
    const failed = (err: unknown): void => this.#logger.warn({ err }, "the hook after a transfer failed");
    try {
      const result = after(transfer, { bytes, ...end });
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** One attempt at moving a content. */
export class OneTransfer {
  readonly transfer: Transfer;
  readonly #hooks: TransferHooks;
  readonly #attempt: Attempt;
  #beginning: Promise<void> | undefined;
  /** Whether its bytes may move. */
  hasBegun = false;
  /** Bytes of the whole that are there. */
  bytes = 0;

  constructor(transfer: Transfer, hooks: TransferHooks, attempt: Attempt) {
    this.transfer = transfer;
    this.#hooks = hooks;
    this.#attempt = attempt;
  }

  /** Resolves when its first byte may move; asks once, however often it is called. Throws `ErrPermissionDenied`. */
  async begin(): Promise<void> {
    this.#beginning ??= this.#ask();
    await this.#beginning;
  }

  /** `fetcher`, whose first request waits until the transfer may begin. */
  fetching(fetcher: Fetcher): Fetcher {
    return {
      fetch: (descriptor, options) => this.#afterBegin(() => fetcher.fetch(descriptor, options)),
      ...(fetcher.fetchPart && {
        fetchPart: async (descriptor, options) => {
          await this.begin();
          return await fetcher.fetchPart?.(descriptor, options);
        },
      }),
    };
  }

  /** `content`, which is read when the transfer may begin. */
  sending(content: PushedContent): PushedContent {
    return {
      explainRefusal: content.explainRefusal,
      readerAt: (reference, options) => this.#afterBegin(() => content.readerAt(reference, options)),
    };
  }

  /** At once where nobody is to be asked: so it is in most engines, for each of thousands of small blobs. */
  #afterBegin<T>(work: () => Promise<T>): Promise<T> {
    if (this.#hooks.before) return this.begin().then(work);
    this.hasBegun = true;
    return work();
  }

  async #ask(): Promise<void> {
    const { before } = this.#hooks;
    const { digest, direction } = this.transfer;
    const refused = (reason: string, cause?: unknown): ErrPermissionDenied => {
      const text = `begin transfer ${direction} of ${digest ?? "a layer"}: refused: ${reason}`;
      return new ErrPermissionDenied(text, { cause, digest });
    };
    const ask = before && ((context: TransferContext): unknown => before(this.transfer, context));
    if (ask) await askHook(ask, { ...this.#attempt, words: "Waiting to be let in", refused });
    this.hasBegun = true;
  }
}
