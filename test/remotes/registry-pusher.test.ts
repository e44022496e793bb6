import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_BACKOFF } from "../../src/async/backoff.ts";
import type { Provider } from "../../src/content/store.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrDataLoss, ErrDeadlineExceeded, ErrPermissionDenied, ErrUnavailable } from "../../src/errors.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { RegistryPusher } from "../../src/remotes/registry-pusher.ts";
import type { TestRegistry } from "../../src/testing/test-registry.ts";
import { endpointOf } from "../registry/support/guarded-registry.ts";
import { PushLab, REPOSITORY } from "../registry/support/push-lab.ts";

const BYTES = Buffer.from("a layer");
const BLOB: Descriptor = {
  mediaType: "application/octet-stream",
  digest: digestOf(BYTES),
  size: BYTES.length,
};

/** A store that has the blob. */
const CONTENT: Provider = {
  async readerAt() {
    return {
      size: BYTES.length,
      readAt: async (buffer, offset) => BYTES.copy(buffer, 0, offset),
      async close() {},
      async [Symbol.asyncDispose]() {},
    };
  },
};

const BAD_SECTOR = new ErrDataLoss("read blob: a bad sector");

/** A store that has the blob and cannot read it. */
function failing(failure: Error): Provider {
  const readAt = (): Promise<number> => Promise.reject(failure);
  return {
    async readerAt(...asked) {
      return { ...(await CONTENT.readerAt(...asked)), readAt };
    },
  };
}

describe("RegistryPusher.push()", () => {
  let lab: PushLab;
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  async function pusherAt(registry: TestRegistry): Promise<RegistryPusher> {
    return new RegistryPusher(lab.client(registry.url), {
      endpoint: endpointOf(registry.url),
      mounts: { candidates: async () => [], succeeded: async () => {}, failed: async () => {} },
      backoff: DEFAULT_BACKOFF,
    });
  }

  it("blames the registry for what it refuses", async () => {
    const registry = await lab.registry();
    registry.fault({ method: "POST" }, { status: 403 });
    const failure = (await pusherAt(registry)).push(BLOB, CONTENT);
    await expect(failure).rejects.toMatchObject({ endpoint: registry.url });
  });

  it("blames nobody for what it cannot read itself", async () => {
    const registry = await lab.registry();
    const failure = (await pusherAt(registry)).push(BLOB, failing(BAD_SECTOR));
    await expect(failure).rejects.toBe(BAD_SECTOR);
  });

  it.each([
    ["gives up an upload of wrong bytes that begin again", new ErrDataLoss("wrong", { retryable: true }), 0],
    ["keeps an upload whose bytes go on where they broke", new ErrUnavailable("broken"), 1],
  ])("%s", async (_, failure, kept) => {
    const registry = await lab.registry();
    const pushing = (await pusherAt(registry)).push(BLOB, failing(failure));
    await expect(pushing).rejects.toBe(failure);
    expect(registry.uploads(REPOSITORY)).toHaveLength(kept);
  });
});

describe("RegistryPusher.abandon()", () => {
  let lab: PushLab;
  let registry: TestRegistry;
  let leftovers: unknown[];
  beforeEach(async () => {
    lab = new PushLab();
    registry = await lab.registry();
    leftovers = [];
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  /** A pusher whose one attempt at the blob was refused at its end. */
  async function refused(abandonTimeoutMs?: number): Promise<RegistryPusher> {
    registry.fault({ method: "PUT" }, { status: 403 });
    const pusher = new RegistryPusher(lab.client(registry.url), {
      endpoint: endpointOf(registry.url),
      mounts: { candidates: async () => [], succeeded: async () => {}, failed: async () => {} },
      backoff: DEFAULT_BACKOFF,
      onLeftover: (error) => leftovers.push(error),
      abandonTimeoutMs,
    });
    await expect(pusher.push(BLOB, CONTENT)).rejects.toBeInstanceOf(ErrPermissionDenied);
    expect(registry.uploads(REPOSITORY)).toHaveLength(1);
    return pusher;
  }

  it("ends the session of the failed attempt, once", async () => {
    const pusher = await refused();
    await pusher.abandon(BLOB);
    await pusher.abandon(BLOB);
    expect(registry.uploads(REPOSITORY)).toEqual([]);
    expect(registry.requests.filter(({ method }) => method === "DELETE")).toHaveLength(1);
    expect(leftovers).toEqual([]);
  });

  it("lets a later attempt begin anew", async () => {
    const pusher = await refused();
    await pusher.abandon(BLOB);
    await expect(pusher.push(BLOB, CONTENT)).resolves.toEqual({ kind: "uploaded" });
    expect(registry.blobs(REPOSITORY)).toEqual([BLOB.digest]);
  });

  it("has nothing to do for a blob that was not tried", async () => {
    const pusher = await refused();
    await pusher.abandon({ ...BLOB, digest: digestOf("other") });
    expect(registry.uploads(REPOSITORY)).toHaveLength(1);
  });

  it("gives up in time on a registry that does not answer, and tells it", async () => {
    const pusher = await refused(1);
    registry.fault({ method: "DELETE" }, { hold: new Promise(() => {}) });
    await pusher.abandon(BLOB);
    expect(leftovers).toEqual([expect.any(ErrDeadlineExceeded)]);
  });
});
