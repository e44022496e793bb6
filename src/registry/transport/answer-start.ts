import type { Socket } from "node:net";
import { errors } from "./undici.ts";

/** Longest header block of an answer, in bytes: room for several signed `Location` or challenge headers. */
export const MAX_RESPONSE_HEADER_BYTES = 32 * 1024;

/** Status line of an informational answer: any 1xx but 101, which would end HTTP on this connection. */
const INFORMATIONAL = /^HTTP\/1\.[01] 1(?!01)\d\d[ \r]/;

/** Bytes that tell whether an answer is informational. */
const STATUS_LINE_BYTES = 13;

const HEADERS_END = Buffer.from("\r\n\r\n");

/**
 * Stands in front of undici's parser and takes out the informational answers (`100 Continue`, `103 Early Hints`), which any
 * server may send (RFC 9110, section 15.2): undici closes the connection on a 100, and starts its limits anew on others.
 */
export class AnswerStart {
  #held: Buffer | undefined;
  #skippedBytes = 0;
  #atStart = false;
  #begun = true;

  /** A request is about to be written: what comes next begins its answer. */
  begin(): void {
    this.#held = undefined;
    this.#skippedBytes = 0;
    this.#atStart = true;
    this.#begun = false;
  }

  /** Whether any byte has come since `begin`. */
  get begun(): boolean {
    return this.#begun;
  }

  /** What of `chunk` and of what was held is for the parser; `undefined` for nothing yet. Throws when it is too much. */
  take(chunk: Buffer): Buffer | undefined {
    this.#begun = true;
    if (!this.#atStart) return chunk;
    let rest = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = undefined;
    while (this.#mayBeInformational(rest)) {
      const end = rest.length < STATUS_LINE_BYTES ? -1 : rest.indexOf(HEADERS_END);
      if (end < 0) return this.#hold(rest);
      this.#skippedBytes += end + HEADERS_END.length;
      rest = rest.subarray(end + HEADERS_END.length);
      if (this.#skippedBytes > MAX_RESPONSE_HEADER_BYTES) throw new errors.HeadersOverflowError();
    }
    this.#atStart = false;
    return rest;
  }

  #mayBeInformational(bytes: Buffer): boolean {
    const line = bytes.toString("latin1", 0, STATUS_LINE_BYTES);
    return line.length < STATUS_LINE_BYTES
      ? "HTTP/1.".startsWith(line.slice(0, 7))
      : INFORMATIONAL.test(line);
  }

  #hold(bytes: Buffer): undefined {
    if (bytes.length > MAX_RESPONSE_HEADER_BYTES) throw new errors.HeadersOverflowError();
    this.#held = Buffer.from(bytes); // the read buffer is overwritten by the next read
  }
}

/** Makes `socket.read()` skip informational answers. The result is told of each request that is written to the socket. */
export function watchAnswers(socket: Socket): AnswerStart {
  const answers = new AnswerStart();
  const read = socket.read.bind(socket);
  const skipping = (): unknown => {
    for (;;) {
      const chunk: unknown = read();
      if (!Buffer.isBuffer(chunk)) return chunk;
      const rest = answers.take(chunk);
      if (rest) return rest;
    }
  };
  const reading = (size?: number): unknown => {
    if (size !== undefined) return read(size);
    try {
      return skipping();
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
      return null;
    }
  };
  Object.assign(socket, { read: reading });
  return answers;
}
