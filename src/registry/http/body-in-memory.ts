import { ErrOutOfRange } from "../../errors/classes.ts";
import type { HttpBody, HttpResponse } from "./send.ts";

/**
 * An answer whose body has been read, as far as it came soon and up to `maxBytes`, so that it holds no connection any more. For
 * answers that only explain something.
 */
export async function withBodyInMemory(response: HttpResponse, maxBytes: number): Promise<HttpResponse> {
  const bytes = await response.body.head(maxBytes);
  const body: HttpBody = {
    async pipeTo(sink) {
      if (bytes.length > 0) await sink(bytes);
    },
    async bytes(most) {
      if (bytes.length <= most) return bytes;
      const { origin: endpoint } = new URL(response.url);
      throw new ErrOutOfRange(`read body from ${endpoint}: longer than ${most} bytes`, { endpoint });
    },
    head: async (most) => bytes.subarray(0, most),
    async discard() {},
  };
  return { ...response, body };
}
