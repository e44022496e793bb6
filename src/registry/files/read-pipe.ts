import { closeSync, constants, openSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { codeOf } from "../../errors/code-of.ts";

/** How much is taken at once, in bytes: what a pipe holds on Linux. */
const PIPE_BYTES = 64 * 1024;

/** How much of a pipe is wanted. */
export interface ReadPipeOptions extends AbortOptions {
  /** Nothing is read beyond this. */
  readonly maxBytes: number;
}

/**
 * What is written into a named pipe until it ends, or its first `maxBytes`. One that nobody has open for writing has ended. No
 * thread waits for it: `open` and `read` of Node's file system would keep one of four each until somebody writes. Throws what
 * Node says.
 */
export async function readPipe(path: string, { maxBytes, signal }: ReadPipeOptions): Promise<Buffer> {
  throwIfAborted(signal);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const pipe = socketOf(fd);
  const stop = (): unknown => pipe.destroy(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const first = readNow(fd);
    const chunks = first ? [first] : [];
    let length = first?.length ?? 0;
    // Node would wait for a writer who has not come yet.
    if (length === 0 && first) return first;
    for await (const chunk of pipe as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBytes) break;
    }
    return Buffer.concat(chunks).subarray(0, maxBytes);
  } finally {
    signal?.removeEventListener("abort", stop);
    pipe.destroy();
  }
}

function socketOf(fd: number): Socket {
  try {
    return new Socket({ fd, readable: true, writable: false });
  } catch (cause) {
    closeSync(fd); // it is no pipe any more
    throw cause;
  }
}

/** What is there to be read; empty when the pipe has ended, `undefined` when its writer has yet to write. */
function readNow(fd: number): Buffer | undefined {
  const bytes = Buffer.alloc(PIPE_BYTES);
  try {
    return bytes.subarray(0, readSync(fd, bytes));
  } catch (error) {
    if (codeOf(error) === "EAGAIN") return undefined;
    throw error;
  }
}
