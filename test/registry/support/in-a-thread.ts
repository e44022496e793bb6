import type { ConnectionOptions } from "../../../src/registry/transport/connection-options.ts";
import { ExchangeThread } from "../../../src/registry/transport/exchange-thread.ts";
import type { ThreadPlace } from "../../../src/registry/transport/thread-place.ts";
import type { Transport } from "../../../src/registry/transport/transport.ts";

const FILE = new URL("thread-child.ts", import.meta.url);

/** `transport`, whose requests go over connections of another thread as far as they may. Its options are `options`. */
export function inAThread(transport: Transport, options: ConnectionOptions, directBytes?: number): Transport {
  const { proxy: _proxy, ...connection } = options;
  const thread = new ExchangeThread({ file: FILE, connection, directBytes });
  let place: Promise<ThreadPlace> | undefined;
  return {
    blobsAtOnce: transport.blobsAtOnce,
    briefEach: transport.briefEach,
    hosts: transport.hosts,
    async send(request) {
      place ??= thread.open(undefined);
      return await transport.send({ ...request, place: await place });
    },
    async close() {
      await transport.close();
      await thread.end();
    },
  };
}
