/** A thread that carries requests, and whose places take what comes and keep nothing. */
import { parentPort, workerData } from "node:worker_threads";
import { ExchangeServer } from "../../../src/registry/transport/exchange-server.ts";
import type { ThreadSettings, ToThread } from "../../../src/registry/transport/exchange-wire.ts";

const server = new ExchangeServer({
  settings: workerData as ThreadSettings,
  post: (message, transfer) => parentPort?.postMessage(message, transfer),
  openPlace: async () => ({ sink: () => () => {}, close: async () => "nothing" }),
});

parentPort?.on("message", (message: ToThread) => server.take(message));
parentPort?.postMessage({ kind: "ready" }, []);
