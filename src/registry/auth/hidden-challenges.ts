import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { SharedCalls } from "../../async/shared-calls.ts";
import { rootAddress } from "../endpoints/api-root.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import type { Challenge } from "../http/challenge.ts";
import { mergeHeaders } from "../http/merge-headers.ts";
import type { Send } from "../http/send.ts";
import { USER_AGENT } from "../http/user-agent.ts";
import { challengesAtRoot } from "./offers.ts";

/** How long it is remembered what an endpoint's API root asks for, in milliseconds. */
const ROOT_KEPT_MS = 60_000;

/** How the API root is asked. */
export interface HiddenChallengesOptions {
  readonly endpoint: Endpoint;
  readonly send: Send;
  readonly clock: Clock;
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
}

/**
 * What an endpoint asks for at `/v2/`: some registries answer 404 or 403 to a stranger who asks for a
 * repository, so that nobody learns what there is, and challenge at the API root alone. Asked once for all,
 * and not again for a minute.
 */
export class HiddenChallenges {
  readonly #options: HiddenChallengesOptions;
  readonly #calls = new SharedCalls<readonly Challenge[]>();
  #known: { readonly challenges: readonly Challenge[]; readonly untilMs: number } | undefined;

  constructor(options: HiddenChallengesOptions) {
    this.#options = options;
  }

  /**
   * The challenges, without their scopes: those are examples. None when it cannot be asked. Rejects when the
   * signal fires.
   */
  async find({ signal }: AbortOptions = {}): Promise<readonly Challenge[]> {
    const { clock } = this.#options;
    if (this.#known && clock.elapsed() < this.#known.untilMs) return this.#known.challenges;
    const challenges = await this.#calls.run("root", (shared) => this.#ask(shared), { signal });
    this.#known = { challenges, untilMs: clock.elapsed() + ROOT_KEPT_MS };
    return challenges;
  }

  async #ask(signal: AbortSignal): Promise<readonly Challenge[]> {
    const { endpoint, send, metaHeaders } = this.#options;
    const headers = mergeHeaders({ "user-agent": USER_AGENT }, endpoint.headers, metaHeaders);
    try {
      const url = rootAddress(endpoint);
      const { tls, connectTimeoutMs } = endpoint;
      const response = await send({ method: "GET", url, headers, tls, connectTimeoutMs, signal });
      await response.body.discard();
      const own = new URL(response.url).origin === originOf(endpoint);
      if (response.status !== 401 || !own) return [];
      return challengesAtRoot(response);
    } catch {
      throwIfAborted(signal);
      return []; // the answer that made us look is the better one to show
    }
  }
}
