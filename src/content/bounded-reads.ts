import type { Limiter } from "../async/semaphore.ts";
import type { InfoProvider, Provider } from "./store.ts";

/**
 * `store`, of which as many blobs are open at once as `readers` lets through: for documents, which a thousand callers may want to
 * read at the same moment. Whoever opens one closes it soon, and opens no other before that.
 */
export function boundedReads(store: Provider & InfoProvider, readers: Limiter): Provider & InfoProvider {
  return {
    info: (digest, options) => store.info(digest, options),
    async readerAt(reference, options) {
      const release = await readers.acquire(options);
      try {
        const reader = await store.readerAt(reference, options);
        const close = async (): Promise<void> => {
          release();
          await reader.close();
        };
        const { size } = reader;
        const readAt = reader.readAt.bind(reader);
        return { size, readAt, close, [Symbol.asyncDispose]: close };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}
