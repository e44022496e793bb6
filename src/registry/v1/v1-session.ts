import { abortable, throwIfAborted } from "../../async/abort.ts";
import { systemClock } from "../../async/clock.ts";
import { JoinableCalls } from "../../async/joinable-calls.ts";
import type { StartCall } from "../../async/shared-calls.ts";
import { isNotFound } from "../../errors/predicates.ts";
import type { Asker, HttpRequest, HttpResponse } from "../http/send.ts";
import { type BlobContent, type ContentWanted, openContent } from "../repository/open-content.ts";
import type { ExpectedAnswer } from "../repository/repository-session.ts";
import { type Admission, authorized, enter } from "./v1-admission.ts";
import type { V1Host } from "./v1-endpoints.ts";
import { type V1Options, V1Requests } from "./v1-requests.ts";

/** How long what an index said is used before it is asked again, in milliseconds: it may name other hosts by then. */
const ADMISSION_KEPT_MS = 60_000;

/** What a session is made of. */
export type V1SessionOptions = Omit<V1Options, "clock"> & Partial<Pick<V1Options, "clock">>;

/** A request as it was sent, and its answer. */
interface Exchange {
  readonly sent: HttpRequest;
  readonly response: HttpResponse;
}

/**
 * One repository at an endpoint that speaks version 1, for all who are the same user there: the index, its token, and the
 * session that a host goes on with by cookies. A token works once, so what it opened is shared. A 401 is answered by asking
 * the index again, once per request. Credentials go to the endpoint's own origin, a token to the hosts named with it,
 * a cookie to the origin that set it; nothing of it goes along with a redirect elsewhere.
 */
export class V1Session {
  readonly #options: V1Options;
  readonly #requests: V1Requests;
  readonly #admissions: JoinableCalls<Admission>;
  #admission: Admission | undefined;
  /** The host that has served last: one that does not answer is waited for once, and not with each request. */
  #preferred: string | undefined;

  constructor({ clock = systemClock, ...options }: V1SessionOptions) {
    this.#options = { ...options, clock };
    this.#requests = new V1Requests(this.#options);
    this.#admissions = new JoinableCalls(clock);
  }

  /**
   * Asks for a document, one host after another, and reads it. `read` ends the use of the body. Throws what `enter` throws; of
   * several failures "not found" before all others.
   */
  async document<T>(path: string, read: (response: HttpResponse) => Promise<T>, asker: Asker): Promise<T> {
    return await this.#atEachHost(asker, async (host) => {
      const headers = { accept: "application/json" };
      return await read(await this.#ask(host, this.#requests.get(host, path, { headers, ...asker })));
    });
  }

  /** Asks for content, one host after another; see `openContent`. */
  async content(
    path: string,
    { wanted, ...asker }: Asker & { readonly wanted: Omit<ContentWanted, "closedRange"> },
  ): Promise<BlobContent> {
    const headers = { accept: "*/*", "accept-encoding": "identity" };
    return await this.#atEachHost(asker, async (host) => {
      const request = this.#requests.get(host, path, { headers, ...asker });
      const send = (part: HttpRequest, expected?: ExpectedAnswer): Promise<HttpResponse> =>
        this.#ask(host, part, expected);
      return await openContent({ send, request }, { ...wanted, closedRange: true });
    });
  }

  async #atEachHost<T>(asker: Asker, ask: (host: V1Host) => Promise<T>): Promise<T> {
    const { hosts } = await this.#admitted(asker);
    const preferred = hosts.filter(({ baseUrl }) => baseUrl === this.#preferred);
    const failures: unknown[] = [];
    for (const host of new Set([...preferred, ...hosts])) {
      try {
        const answer = await ask(host);
        this.#preferred = host.baseUrl;
        return answer;
      } catch (error) {
        throwIfAborted(asker.signal);
        failures.push(error);
      }
    }
    throw failures.find((error) => isNotFound(error)) ?? failures[0];
  }

  /** Sends with what we were let in with, and on a 401 once more with what the index says to that. */
  async #ask(host: V1Host, request: HttpRequest, expected?: ExpectedAnswer): Promise<HttpResponse> {
    const admission = await this.#admitted(request);
    const first = await this.#enterBy(admission, host, request);
    if (first.response.status !== 401)
      return await this.#requests.checked(first.sent, first.response, expected);
    await first.response.body.discard();
    const renewed = await this.#admitted(request, admission);
    const second = await this.#enterBy(renewed, host, request);
    return await this.#requests.checked(second.sent, second.response, expected);
  }

  /** A token works once: whoever comes first opens a session with it, and the others wait until they can follow. */
  async #enterBy(admission: Admission, host: V1Host, request: HttpRequest): Promise<Exchange> {
    const sent = authorized(request, host, admission);
    const { sessions } = admission;
    const { baseUrl } = host;
    for (let opening = sessions.get(baseUrl); opening; opening = sessions.get(baseUrl)) {
      const isOpen = await abortable(opening, request.signal);
      if (isOpen) return { sent, response: await this.#requests.send(sent) };
    }
    const response = this.#requests.send(sent);
    const forget = (): boolean => {
      sessions.delete(baseUrl);
      return false;
    };
    sessions.set(
      baseUrl,
      response.then(() => true, forget),
    );
    return { sent, response: await response };
  }

  /** @param refused one that turned out to be good for nothing */
  async #admitted(asker: Asker, refused?: Admission): Promise<Admission> {
    const known = this.#admission;
    const isYoung = known && this.#options.clock.elapsed() - known.atMs < ADMISSION_KEPT_MS;
    if (isYoung && known !== refused) return known;
    const { signal, waiter } = asker;
    const start: StartCall<Admission> = (shared, sharers) =>
      enter(this.#requests, this.#options, { signal: shared, waiter: sharers });
    const reason = {
      code: "authorization",
      words: `Waiting for ${new URL(this.#options.endpoint.baseUrl).host}`,
    } as const;
    this.#admission = await this.#admissions.run("", start, { reason, signal, waiter });
    return this.#admission;
  }
}
