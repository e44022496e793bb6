import { throwIfAborted } from "../../async/abort.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import { checkStored } from "../answers/check-stored.ts";
import type { Asker, HttpRequest, StreamedBody } from "../http/send.ts";
import { hasBlob } from "../repository/has-blob.ts";
import type { RepositorySession } from "../repository/repository-session.ts";
import { CHUNK_BYTES } from "./body-limit.ts";
import type { BodySizes } from "./body-sizes.ts";
import type { BlobSource, UploadBlobOptions, UploadSession } from "./push-client.ts";
import {
  cancelUpload,
  finishAddress,
  nextSession,
  startUpload,
  takenBytes,
  uploadOffset,
} from "./upload-session.ts";

/** Refusals that one call gets round before it gives up; four sizes, a forgotten session and a lost chunk are six. */
const MAX_SETBACKS = 6;

/** Refusals that have nothing to do with chunks: who asks, and how often. */
const NOT_ABOUT_CHUNKS: readonly number[] = [401, 403, 408, 429];

/** What uploads of one repository share. */
export interface UploadTarget {
  readonly repository: RepositorySession;
  readonly sizes: BodySizes;
}

/** How far an upload is. */
interface Place {
  readonly session: UploadSession;
  readonly offset: number;
}

/** The next request of an upload. */
interface Step {
  readonly request: HttpRequest;
  readonly bodyBytes: number;
  readonly last: boolean;
}

/** A chunk that was taken, and counts that do not agree. */
interface Mismatch {
  readonly request: HttpRequest;
  /** Bytes of the blob that the answer tells. */
  readonly told: number;
  /** Bytes of the blob that were sent. */
  readonly wanted: number;
}

/**
 * One call of `PushClient.uploadBlob`. A blob of one body goes in the closing PUT (end-6), a larger one in PATCH requests
 * before it (end-5). Answers that say how to do it otherwise are heeded at once: 413 by smaller bodies, 416 by the offset
 * that the registry names, 404 by a new session, a refused chunk by a single body. Everything else fails the call.
 */
export class BlobUpload {
  readonly #target: UploadTarget;
  readonly #source: BlobSource;
  readonly #options: UploadBlobOptions;
  #setbacks = 0;
  /** Whether the bytes could not be had: whatever that says of a status is no answer of this registry. */
  #lacksBytes = false;

  constructor(target: UploadTarget, source: BlobSource, options: UploadBlobOptions) {
    this.#target = target;
    this.#source = source;
    this.#options = options;
  }

  /** Brings what is missing of the blob to the registry. */
  async run(): Promise<void> {
    let place = await this.#begin();
    while (place) place = await this.#goOn(place);
    this.#report(this.#source.size);
  }

  /** Where to go on; `undefined` when an upload whose end nobody saw has succeeded after all. */
  async #begin(): Promise<Place | undefined> {
    const { session } = this.#options;
    const asker = this.#asker();
    if (!session) return await this.#startAnew();
    if (session.isNew) return this.#at({ session, offset: 0 });
    const { repository } = this.#target;
    const { digest, size } = this.#source;
    const found = await uploadOffset(repository, session, asker);
    if (!found && (await hasBlob(repository, digest, { size, ...asker }))) return undefined;
    return await this.#resume(session, found);
  }

  /** One request from `place`, and whatever its refusal leads to. Gives the next place, or `undefined` at the end. */
  async #goOn(place: Place): Promise<Place | undefined> {
    const step = this.#nextStep(place);
    try {
      return await this.#make(place, step);
    } catch (error) {
      if (this.#lacksBytes) throw error;
      // The registry has not seen the request, so the session is as it was.
      if (findError(error)?.notSent) this.#tell(place.session);
      return await this.#getRound(error, place, step);
    }
  }

  #nextStep({ session, offset }: Place): Step {
    const { repository, sizes } = this.#target;
    const { size, digest } = this.#source;
    const usualBytes = session.isNew ? undefined : (session.bodyBytes ?? CHUNK_BYTES);
    const bodyBytes = sizes.next(size - offset, session.minChunkBytes, usualBytes);
    const endOffset = offset + bodyBytes;
    const isAlone = sizes.patchFirst && bodyBytes > 0 && offset === 0;
    const last = endOffset === size && !isAlone;
    const whole = last && session.isNew === true;
    const request = repository.requestTo(last ? finishAddress(session.location, digest) : session.location, {
      method: last ? "PUT" : "PATCH",
      headers: {
        "content-type": "application/octet-stream",
        "content-length": String(bodyBytes),
        ...(bodyBytes > 0 && !whole && { "content-range": `${offset}-${endOffset - 1}` }),
      },
      body: bodyBytes > 0 ? this.#body(offset, endOffset) : undefined,
      stranger: session.stranger,
      storing: last,
      flow: this.#options.flow,
      ...this.#asker(),
    });
    return { request, bodyBytes, last };
  }

  #body(offset: number, endOffset: number): StreamedBody {
    const source = this.#source;
    return {
      lengthBytes: endOffset - offset,
      open: () => source.read(offset, endOffset),
      onTaken: (bytes) => this.#report(offset + bytes),
      onFailure: (error) => {
        this.#lacksBytes = true;
        source.onFailure?.(error);
      },
    };
  }

  /** Makes the request. Gives the place after it, `undefined` after the last one. */
  async #make(place: Place, { request, bodyBytes, last }: Step): Promise<Place | undefined> {
    // Whoever goes on with this session later has to ask first what became of the bytes.
    const begun = place.session.isNew ? { ...place.session, isNew: false, bodyBytes } : place.session;
    if (place.session.isNew) this.#tell(begun);
    const startedMs = performance.now();
    const response = await this.#target.repository.send(request);
    await response.body.discard();
    this.#target.sizes.taken(bodyBytes, performance.now() - startedMs);
    if (last) {
      checkStored(request, response, this.#source.digest);
      return undefined;
    }
    const session = nextSession(begun, request, response);
    const wanted = place.offset + bodyBytes;
    const told = takenBytes(response) ?? wanted;
    if (told === wanted) return this.#at({ session, offset: wanted });
    return await this.#settle({ session, offset: place.offset }, { request, told, wanted });
  }

  /**
   * The place after a chunk that was taken, of which the answer tells another number of bytes than were sent: some registries
   * tell the first chunk's for ever. The session's own count decides; where that cannot be had, the success of the request.
   */
  async #settle({ session, offset: before }: Place, { request, told, wanted }: Mismatch): Promise<Place> {
    const found = await uploadOffset(this.#target.repository, session, this.#asker());
    const offset = found?.offset ?? (told > 0 && told < wanted ? wanted : told);
    if (offset <= before || offset > wanted) return await this.#withoutChunks(session, request);
    return this.#at({ session: found?.session ?? session, offset });
  }

  /** The place to go on from after a refusal; throws `error` when there is none. */
  async #getRound(error: unknown, { session, offset }: Place, step: Step): Promise<Place> {
    const { signal } = this.#options;
    const { httpStatus = 0, answeredBy } = findError(error) ?? {};
    const status = answeredBy === "token server" ? 0 : httpStatus; // it knows nothing of uploads
    throwIfAborted(signal);
    this.#setbacks++;
    if (this.#setbacks > MAX_SETBACKS) throw error;
    if (status === 404) return await this.#startAgain({ session, offset }, step);
    if (status === 413 && !this.#target.sizes.tooLarge(step.bodyBytes, session.minChunkBytes)) throw error;
    if (status === 413 || status === 416) {
      const found = await uploadOffset(this.#target.repository, session, this.#asker());
      if (status === 413 || found?.offset !== offset) return await this.#resume(session, found);
    }
    const isRefused = (status >= 400 && status < 500) || status === 501;
    if (step.last || !isRefused || NOT_ABOUT_CHUNKS.includes(status)) throw error;
    return await this.#withoutChunks(session, step.request, error);
  }

  async #withoutChunks(session: UploadSession, request: HttpRequest, error?: unknown): Promise<Place> {
    if (!this.#target.sizes.noChunks()) {
      const { origin } = new URL(request.url);
      const message = `${request.method} ${origin}: the registry does not say that it took the chunk`;
      throw error ?? new ErrDataLoss(message, { endpoint: origin, digest: this.#source.digest });
    }
    return await this.#startInstead(session);
  }

  /** Goes on with what the registry has of `session`, if that is anything. */
  async #resume(session: UploadSession, found: Place | undefined): Promise<Place> {
    if (!found) return await this.#startAnew();
    const isUsable = found.offset > 0 && found.offset <= this.#source.size;
    return isUsable ? this.#at(found) : await this.#startInstead(session);
  }

  async #startInstead(session: UploadSession): Promise<Place> {
    const { signal, onLeftover } = this.#options;
    const place = await this.#startAnew();
    try {
      await cancelUpload(this.#target.repository, session, this.#asker());
    } catch (error) {
      throwIfAborted(signal);
      onLeftover?.(error);
    }
    return place;
  }

  /** Begins once more after a registry knew nothing of the session at `offset`. */
  async #startAgain({ session, offset }: Place, { last, bodyBytes }: Step): Promise<Place> {
    const wasFirst = offset === 0;
    const wasBegun = bodyBytes === 0;
    if (!last || wasFirst === wasBegun) return await this.#startAnew();
    this.#target.sizes.closingRefused(wasFirst);
    return await this.#startInstead(session); // it may be known all the same
  }

  async #startAnew(): Promise<Place> {
    return this.#at({ session: await startUpload(this.#target.repository, this.#asker()), offset: 0 });
  }

  #asker(): Asker {
    const { signal, waiter } = this.#options;
    return { signal, waiter };
  }

  #at(place: Place): Place {
    this.#tell(place.session);
    this.#report(place.offset);
    return place;
  }

  #tell(session: UploadSession): void {
    this.#options.onSession?.(session);
  }

  #report(bytes: number): void {
    this.#options.onBytes?.(bytes);
  }
}
