import { anonymous, type CredentialSource } from "../../../src/registry/credentials/credentials.ts";
import { endpointSend } from "../../../src/registry/endpoint-send.ts";
import { createPushClient, type PushClientOptions } from "../../../src/registry/push/create-push-client.ts";
import type { PushClient } from "../../../src/registry/push/push-client.ts";
import {
  type RegistryClientOptions,
  RepositorySession,
} from "../../../src/registry/repository/repository-session.ts";
import { createTransport } from "../../../src/registry/transport/transport.ts";
import { TestRegistry, type TestRegistryOptions } from "../../../src/testing/test-registry.ts";
import { HastyClock } from "./fake-clock.ts";
import { endpointOf } from "./guarded-registry.ts";

/** The repository that tests push to. */
export const REPOSITORY = "team/app";

/** How a client is made. */
export interface ClientOptions extends Pick<RegistryClientOptions, "metaHeaders"> {
  readonly credentials?: CredentialSource;
}

/** Registries and push clients of one test; ends with it. */
export class PushLab implements AsyncDisposable {
  readonly #transport = createTransport();
  readonly #stack = new AsyncDisposableStack();

  constructor() {
    this.#stack.defer(() => this.#transport.close());
  }

  /** Starts a registry. */
  async registry(options?: TestRegistryOptions): Promise<TestRegistry> {
    return this.#stack.use(await TestRegistry.start(options));
  }

  /** Keeps something until the end of the test. */
  async use<T extends AsyncDisposable>(starting: Promise<T>): Promise<T> {
    return this.#stack.use(await starting);
  }

  /** A push client of `REPOSITORY` at `origin`. */
  client(origin: string, options?: ClientOptions & Pick<PushClientOptions, "bodyLimit">): PushClient {
    return createPushClient({ ...this.#clientOptions(origin, options), bodyLimit: options?.bodyLimit });
  }

  /** What a push client is built on. */
  session(origin: string, options?: ClientOptions): RepositorySession {
    return new RepositorySession(this.#clientOptions(origin, options), "pull,push");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  #clientOptions(origin: string, { credentials = anonymous, metaHeaders }: ClientOptions = {}) {
    const endpoint = endpointOf(origin);
    return {
      endpoint,
      repository: REPOSITORY,
      send: endpointSend({ endpoint, credentials, send: this.#transport.send }),
      metaHeaders,
      clock: new HastyClock(),
    };
  }
}

/** All bytes of a blob that the registry holds. */
export async function storedBytes(registry: TestRegistry, digest: ReturnType<TestRegistry["blobs"]>[number]) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of registry.readBlob(REPOSITORY, digest)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
