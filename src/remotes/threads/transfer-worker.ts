import { parentPort, workerData } from "node:worker_threads";
import { ExchangeServer } from "../../registry/transport/exchange-server.ts";
import type { FromThread, ThreadSettings, ToThread } from "../../registry/transport/exchange-wire.ts";
import { openBlobPlace } from "./open-blob-place.ts";
import type { PlaceOfBlob } from "./poured.ts";

/** The thread: what comes over its connections it writes and hashes, until it is ended. */
const server = new ExchangeServer({
  settings: workerData as ThreadSettings,
  post: (message, transfer) => parentPort?.postMessage(message, transfer),
  openPlace: (what, options) => openBlobPlace(what as PlaceOfBlob, options),
});

parentPort?.on("message", (message: ToThread) => server.take(message));
parentPort?.postMessage({ kind: "ready" } satisfies FromThread, []);
