import { throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { JoinableCalls } from "../../async/joinable-calls.ts";
import { rootAddress } from "../endpoints/api-root.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import type { Challenge } from "../http/challenge.ts";
import { mergeHeaders } from "../http/merge-headers.ts";
import { isRetryableStatus } from "../http/retryable-status.ts";
import type { Asker, HttpRequest, Send } from "../http/send.ts";
import { USER_AGENT } from "../http/user-agent.ts";
import { challengesAtRoot } from "./offers.ts";

/**
 * How long what an endpoint's API root asks for serves as a hint, in milliseconds: a token is asked for at once then. A hint that is
 * wrong costs a request.
 */
const ROOT_KEPT_MS = 60 * 60 * 1_000;

/** How long it is believed after a refusal that names nothing, or when the root could not be asked, in milliseconds. */
const ROOT_BELIEVED_MS = 60_000;

/** How the API root is asked. */
export interface RootChallengesOptions {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
}

/** Who asks at the root, and what for. */
type RootAsker = Asker & Pick<HttpRequest, "followedBy">;

/** What was found at the root. */
interface Finding {
  readonly challenges: readonly Challenge[];
  /** Whether the endpoint will say the same to the next one. */
  readonly lasts: boolean;
}

/** What was found, and how long it counts, by the clock's `elapsed`. */
interface Known {
  readonly challenges: readonly Challenge[];
  readonly hintUntilMs: number;
  readonly believedUntilMs: number;
}

/**
 * What an endpoint asks for at `/v2/`: every registry says it there, and some nowhere else, because they answer 404 or 403 to a
 * stranger who asks for a repository, so that nobody learns what there is. Asked once for all, and not again for an hour, unless it turns out not to do.
 */
export class RootChallenges {
  readonly #options: RootChallengesOptions;
  readonly #calls: JoinableCalls<Finding>;
  #known: Known | undefined;

  constructor(options: RootChallengesOptions) {
    this.#options = options;
    this.#calls = new JoinableCalls(options.clock, "root");
  }

  /**
   * The challenges, without their scopes: those are examples. None when it asks for nothing, or has an answer of another kind.
   * Whoever joins a question of somebody else gets none when that fails; the one who asked gets the error of `send`, which follows
   * redirects. Rejects when the signal fires.
   */
  async find(send: Send, { signal, waiter, followedBy }: RootAsker): Promise<readonly Challenge[]> {
    const { clock, endpoint } = this.#options;
    if (this.#known && clock.elapsed() < this.#known.hintUntilMs) return this.#known.challenges;
    let isOwn = false;
    const ask = (shared: AbortSignal, sharers: Asker["waiter"]): Promise<Finding> => {
      isOwn = true;
      return this.#ask(send, { signal: shared, waiter: sharers, followedBy });
    };
    const reason = { code: "host", words: `Waiting for ${new URL(endpoint.baseUrl).host}` } as const;
    try {
      const { challenges, lasts } = await this.#calls.run("root", ask, { reason, signal, waiter });
      if (lasts) this.#keep(challenges, ROOT_KEPT_MS);
      return challenges;
    } catch (error) {
      throwIfAborted(signal);
      if (isOwn) throw error;
      return [];
    }
  }

  /**
   * The same, where another answer is to be shown than the failure to ask here; that is remembered as well. What was found long ago
   * does not count, as it was no use.
   */
  async findBehind(send: Send, asker: Asker): Promise<readonly Challenge[]> {
    if (this.#known && this.#options.clock.elapsed() >= this.#known.believedUntilMs) this.#known = undefined;
    try {
      return await this.find(send, asker);
    } catch {
      throwIfAborted(asker.signal);
      this.#keep([], ROOT_BELIEVED_MS);
      return [];
    }
  }

  #keep(challenges: readonly Challenge[], keptMs: number): void {
    const now = this.#options.clock.elapsed();
    this.#known = { challenges, hintUntilMs: now + keptMs, believedUntilMs: now + ROOT_BELIEVED_MS };
  }

  async #ask(send: Send, asker: RootAsker): Promise<Finding> {
    const { endpoint, metaHeaders } = this.#options;
    const headers = mergeHeaders({ "user-agent": USER_AGENT }, endpoint.headers, metaHeaders);
    const { tls, connectTimeoutMs } = endpoint;
    const url = rootAddress(endpoint);
    const response = await send({ ...asker, method: "GET", url, headers, tls, connectTimeoutMs });
    await response.body.discard();
    const isItsOwn = new URL(response.url).origin === originOf(endpoint);
    const challenges = response.status === 401 && isItsOwn ? challengesAtRoot(response) : [];
    return { challenges, lasts: !isRetryableStatus(response.status) };
  }
}
