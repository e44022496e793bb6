/** A thread whose only place cannot be opened, and says in its refusal what holds for connections there. */
import { parentPort, workerData } from "node:worker_threads";
import { ErrNotFound } from "../../../src/errors/classes.ts";
import { ExchangeServer } from "../../../src/registry/transport/exchange-server.ts";
import type { ThreadSettings, ToThread } from "../../../src/registry/transport/exchange-wire.ts";
import { networkDefaults } from "../../../src/registry/transport/network-defaults.ts";

const server = new ExchangeServer({
  settings: workerData as ThreadSettings,
  post: (message, transfer) => parentPort?.postMessage(message, transfer),
  openPlace: () => Promise.reject(new ErrNotFound(JSON.stringify(networkDefaults()))),
});

parentPort?.on("message", (message: ToThread) => server.take(message));
