/** A thread that ends in the middle of the first body that comes to it, with an error that nobody catches. */
import { parentPort, workerData } from "node:worker_threads";
import { ExchangeServer, type OpenPlace } from "../../../../src/registry/transport/exchange-server.ts";
import type { ThreadSettings } from "../../../../src/registry/transport/exchange-wire.ts";
import { openBlobPlace } from "../../../../src/remotes/threads/open-blob-place.ts";
import type { PlaceOfBlob } from "../../../../src/remotes/threads/poured.ts";

async function openPlace(what: unknown, options: { readonly signal: AbortSignal }): Promise<OpenPlace> {
  const place = await openBlobPlace(what as PlaceOfBlob, options);
  return {
    close: () => place.close(),
    sink(into) {
      const sink = place.sink(into);
      return (bytes) => {
        const taken = sink(bytes);
        setImmediate(() => {
          throw new Error("on purpose");
        });
        return taken ?? new Promise(() => {});
      };
    },
  };
}

const server = new ExchangeServer({
  settings: workerData as ThreadSettings,
  post: (message, transfer) => parentPort?.postMessage(message, transfer),
  openPlace,
});

parentPort?.on("message", (message) => server.take(message));
parentPort?.postMessage({ kind: "ready" }, []);
