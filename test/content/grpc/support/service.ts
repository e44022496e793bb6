import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProxyStore, proxyStore } from "../../../../src/content/grpc/proxy-store.ts";
import {
  type ContentServer,
  type ServeContentOptions,
  serveContent,
} from "../../../../src/content/grpc/serve-content.ts";
import type { LocalStore } from "../../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../../src/content/local/local-store.ts";

/** A store on the disk, served on a unix socket, and a proxy of it. */
export interface Service extends AsyncDisposable {
  readonly folder: string;
  readonly address: string;
  readonly store: LocalStore;
  readonly proxy: ProxyStore;
  /** Ends the server and starts another one on the same store and address. */
  restart(): Promise<void>;
  dispose(): Promise<void>;
}

/** Starts all three in a new folder. Waits for held refs are short, so that tests of them are. */
export async function startService(options: Partial<ServeContentOptions> = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), "content-grpc-"));
  const store = await openLocalStore({ root: join(folder, "root") });
  const all = { store, address: `unix://${folder}/s`, lockWaitMs: 20, closeGraceMs: 50, ...options };
  let server: ContentServer = await serveContent(all);
  const proxy = proxyStore({ address: server.address });
  async function dispose(): Promise<void> {
    await proxy.close();
    await server.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
  return {
    folder,
    address: server.address,
    store,
    proxy,
    async restart() {
      await server.close();
      server = await serveContent(all);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
