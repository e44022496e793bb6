import { once } from "node:events";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AbortOptions } from "../../async/abort.ts";
import { abortError } from "../../async/abort.ts";
import { ErrOutOfRange, ErrUnavailable, ErrUnknown } from "../../errors/classes.ts";
import { fromHttpStatus } from "../../errors/http.ts";
import { messageOf } from "../../errors/message-of.ts";
import { plainText } from "../../errors/plain-text.ts";
import { isJsonObject, type JsonObject, ownField } from "../../oci/json-object.ts";
import { type Address, parseAddress } from "../../sockets/address.ts";

/** Longest answer that is read, in bytes: a list of ten thousand images. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Longest message of a stream, in characters. */
const MAX_MESSAGE_CHARS = 1024 * 1024;

/** Longest part of a docker's message that is shown, in characters. */
const MAX_SHOWN_CHARS = 500;

/** Newest version that is spoken: all that is asked for is in it and in those before it, which newer ones need not keep. */
const NEWEST_VERSION = [1, 51] as const;

/** What is asked. */
interface Call extends AbortOptions {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** What is sent. */
  readonly body?: AsyncIterable<Uint8Array> | undefined;
}

/** A running docker, by its API, in the newest version that both know. Each call is a connection of its own. */
export class DockerClient {
  readonly #address: Address;
  readonly #shown: string;
  /** What stands in front of each path; known once docker has been asked. */
  #version: string | undefined;

  /** Throws `ErrInvalidArgument` for an address that is none. */
  constructor(address: string) {
    this.#address = parseAddress(address);
    this.#shown = address;
  }

  /** What docker answers; `undefined` where there is nothing. Throws `ErrUnavailable`, and by the status of a refusal. */
  async get(path: string, { signal }: AbortOptions = {}): Promise<unknown> {
    const answer = await this.#send({ method: "GET", path, signal });
    if (answer.statusCode === 404) {
      answer.resume();
      return undefined;
    }
    const text = await this.#textOf(answer);
    return JSON.parse(text);
  }

  /** Does what has no answer. Throws as `get` does. */
  async post(path: string, { signal }: AbortOptions = {}): Promise<void> {
    await this.#textOf(await this.#send({ method: "POST", path, signal }));
  }

  /** Sends an archive for docker to load. Throws what reading it throws, and docker's own failure, in its words. */
  async load(archive: AsyncIterable<Uint8Array>, { signal }: AbortOptions = {}): Promise<void> {
    const answer = await this.#send({ method: "POST", path: "/images/load?quiet=1", body: archive, signal });
    const text = await this.#textOf(answer);
    for (const line of text.split("\n")) {
      const failure = failureIn(line);
      if (failure !== undefined)
        throw new ErrUnknown(`load image into docker: ${failure}`, { retryable: false });
    }
  }

  /** As docker's own command line does it: a dockerd refuses a version that is newer than its own. */
  async #versionOf({ signal }: AbortOptions): Promise<string> {
    const answer = await this.#sendTo({ method: "GET", path: "/_ping", signal });
    answer.resume();
    return versionIn(answer.headers["api-version"]);
  }

  async #send(call: Call): Promise<IncomingMessage> {
    this.#version ??= await this.#versionOf(call);
    return await this.#sendTo({ ...call, path: `${this.#version}${call.path}` });
  }

  async #sendTo({ method, path, body, signal }: Call): Promise<IncomingMessage> {
    const options: RequestOptions = {
      method,
      path,
      agent: false,
      ...placeOf(this.#address),
    };
    if (signal) options.signal = signal;
    if (body) options.headers = { "content-type": "application/x-tar" };
    const sent = request(options);
    const answered = once(sent, "response", { signal }) as Promise<[IncomingMessage]>;
    let failure: { readonly error: unknown } | undefined;
    const told = body && telling(body, (error) => (failure ??= { error }));
    // An answer may come before all is sent, and then the rest is not wanted: the answer says why.
    const sending = told
      ? pipeline(Readable.from(told, { objectMode: false }), sent, { signal })
      : Promise.resolve(sent.end());
    const sentOrAnswered = sending.catch(async (error: unknown) => {
      if (failure) throw error;
      await answered;
    });
    try {
      const [[answer]] = await Promise.all([answered, sentOrAnswered]);
      return answer;
    } catch (cause) {
      sent.destroy();
      if (signal?.aborted) throw abortError(signal);
      if (failure) throw failure.error;
      throw new ErrUnavailable(`ask docker at ${this.#shown}: ${messageOf(cause)}`, { cause });
    }
  }

  async #textOf(answer: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_ANSWER_BYTES) {
        throw new ErrOutOfRange(`ask docker at ${this.#shown}: got more than ${MAX_ANSWER_BYTES} bytes`);
      }
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString();
    const { statusCode = 0 } = answer;
    if (statusCode < 400) return text;
    throw fromHttpStatus(
      statusCode,
      `ask docker at ${this.#shown}: ${failureIn(text) ?? `status ${statusCode}`}`,
    );
  }
}

/** Where the version that is spoken with a docker stands in paths; empty where it does not say which it knows: then its own is meant. */
function versionIn(header: string | string[] | undefined): string {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})$/.exec(String(header)) ?? [];
  if (major === undefined || minor === undefined) return "";
  const theirs = [Number(major), Number(minor)] as const;
  const isOlder =
    theirs[0] < NEWEST_VERSION[0] || (theirs[0] === NEWEST_VERSION[0] && theirs[1] < NEWEST_VERSION[1]);
  return `/v${(isOlder ? theirs : NEWEST_VERSION).join(".")}`;
}

/** `chunks`, of whose own failure is told: not of that of a stream that they were given to. */
function telling(
  chunks: AsyncIterable<Uint8Array>,
  onFailure: (error: unknown) => void,
): AsyncIterable<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    try {
      return await iterator.next();
    } catch (error) {
      onFailure(error);
      throw error;
    }
  };
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    await iterator.return?.();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

function placeOf(address: Address): RequestOptions {
  if (address.kind === "unix") return { socketPath: address.path, headers: { host: "docker" } };
  return { host: address.host, port: address.port };
}

/** Docker's own words for a failure, in a message or a whole answer. */
function failureIn(text: string): string | undefined {
  if (text.length > MAX_MESSAGE_CHARS) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const detail = ownField(value, "errorDetail");
  const message = isJsonObject(detail)
    ? ownField(detail, "message")
    : (ownField(value, "error") ?? ownField(value, "message"));
  return typeof message === "string" ? plainText(message, MAX_SHOWN_CHARS) : undefined;
}

/** A field that is an object. */
export function objectIn(value: unknown, name: string): JsonObject | undefined {
  const found = isJsonObject(value) ? ownField(value, name) : undefined;
  return isJsonObject(found) ? found : undefined;
}

/** A field that is a text. */
export function textIn(value: unknown, name: string): string | undefined {
  const found = isJsonObject(value) ? ownField(value, name) : undefined;
  return typeof found === "string" ? found : undefined;
}
