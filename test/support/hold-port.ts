import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/** A port of 127.0.0.1 where nobody listens. */
export interface HeldPort extends AsyncDisposable {
  readonly port: number;
}

/**
 * Holds a port: who connects to it is refused, whoever wants any port gets another one, and who asks for this very one may
 * listen there. A connection begins at it for as long; a port that was merely free a moment ago is anybody's. It keeps no process from its end.
 *
 * @param port which one; any by default. Rejects with `EADDRINUSE` where somebody listens
 */
export async function holdPort(port = 0): Promise<HeldPort> {
  const peer = createServer().listen(0, "127.0.0.1").unref();
  await once(peer, "listening");
  const { port: target } = peer.address() as AddressInfo;
  const socket = connect({
    host: "127.0.0.1",
    port: target,
    localAddress: "127.0.0.1",
    localPort: port,
  }).unref();
  peer.once("connection", (other) => other.on("error", () => {}).unref());
  await once(socket, "connect");
  return {
    port: (socket.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      socket.resetAndDestroy(); // without a rest that waits for late packets
      const closed = once(peer, "close");
      peer.close();
      await closed;
    },
  };
}
