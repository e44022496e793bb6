import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { abortable } from "../../../src/async/abort.ts";
import { proxyStore } from "../../../src/content/grpc/proxy-store.ts";
import { serveContent } from "../../../src/content/grpc/serve-content.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import type { Info, Store } from "../../../src/content/store.ts";
import { writeBlob } from "../../../src/content/write-blob.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { ErrFailedPrecondition, ErrInvalidArgument, ErrNotFound } from "../../../src/errors/classes.ts";
import { describeStore } from "../store-suite.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { type Service, startService } from "./support/service.ts";
import { storeWith } from "./support/store-with.ts";

describeStore("proxyStore()", async () => {
  const service = await startService();
  return { store: service.proxy, traits: { readsDeleted: false }, dispose: () => service.dispose() };
});

describeStore("proxyStore() after a restart of the service", async () => {
  const service = await startService();
  await service.proxy.listStatuses();
  await service.restart();
  return { store: service.proxy, traits: { readsDeleted: false }, dispose: () => service.dispose() };
});

let service: Service;

beforeEach(async () => {
  service = await startService();
});

afterEach(() => service.dispose());

async function commit(bytes: Uint8Array): Promise<Digest> {
  const writer = await service.proxy.writer({ ref: digestOf(bytes) });
  await writer.write(bytes);
  return writer.commit();
}

/** A store that never answers `info`, and says when it was asked. */
function silentStore(): { store: Store; asked: Promise<void> } {
  const asked = Promise.withResolvers<void>();
  const info: Store["info"] = (_digest, { signal } = {}) => {
    asked.resolve();
    return abortable(new Promise<Info>(() => {}), signal);
  };
  return { store: storeWith({ info }), asked: asked.promise };
}

describe("proxyStore()", () => {
  it.each(["", "a b", "ä", "a\nb"])("refuses a lease that no header can name: %j", (lease) => {
    expect(() => proxyStore({ address: "unix:///s", lease })).toThrow(ErrInvalidArgument);
  });

  it("connects when it is used, finds a service that comes later, and one that comes back", async () => {
    const address = `unix://${service.folder}/later`;
    await using proxy = proxyStore({ address });
    await expect(proxy.status("r")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
    for (let round = 0; round < 5; round++) {
      await using _server = await serveContent({ store: service.store, address, closeGraceMs: 1 });
      const writer = await reachable(() => proxy.writer({ ref: "r" }));
      await writer.write(Buffer.from("x"));
      expect(await writer.status()).toMatchObject({ offset: round + 1 });
      await writer.close();
    }
  });

  it("tells the digest that an error is about, and its cause", async () => {
    const digest = digestOf("unknown");
    const calls = [
      service.proxy.info(digest),
      service.proxy.update({ digest, labels: {} }),
      service.proxy.delete(digest),
      service.proxy.readerAt({ digest }),
      readBlob(service.proxy, { digest, size: 1 }),
      service.proxy.stream({ digest })[Symbol.asyncIterator]().next(),
    ];
    for (const result of await Promise.allSettled(calls)) {
      const message = `content ${digest}: not found`;
      expect(result).toMatchObject({
        reason: { code: "ERR_NOT_FOUND", digest, message, cause: { code: 5 } },
      });
    }
  });

  it("tells the digest that was expected of a commit", async () => {
    const writer = await service.proxy.writer({ ref: "r" });
    await writer.write(Buffer.from("foo"));
    const expected = digestOf("bar");
    await expect(writer.commit({ expected })).rejects.toMatchObject({
      code: "ERR_FAILED_PRECONDITION",
      digest: expected,
      message: `unexpected commit digest ${digestOf("foo")}, expected ${expected}`,
    });
  });

  it("says of a ref that it is no text before anything is sent", async () => {
    const ref = "half \ud83d";
    await expect(service.proxy.writer({ ref })).rejects.toThrow(ErrInvalidArgument);
    await expect(service.proxy.status(ref)).rejects.toThrow(ErrInvalidArgument);
    await expect(service.proxy.abort(ref)).rejects.toThrow(ErrInvalidArgument);
  });

  it("says of an expected digest that it is none before anything is sent", async () => {
    await using nowhere = proxyStore({ address: `unix://${service.folder}/nowhere` });
    const expected = "sha256:nonsense" as Digest;
    await expect(nowhere.writer({ ref: "r", expected })).rejects.toThrow(ErrInvalidArgument);
  });

  it("cancels a call when its signal fires, and leaves no listener behind", async () => {
    const { store, asked } = silentStore();
    const address = `unix://${service.folder}/silent`;
    await using _server = await serveContent({ store, address, closeGraceMs: 1 });
    await using proxy = proxyStore({ address });
    const controller = new AbortController();
    const info = proxy.info(digestOf("x"), { signal: controller.signal });
    await asked;
    controller.abort();
    await expect(info).rejects.toMatchObject({ code: "ERR_CANCELED" });

    const { signal } = new AbortController();
    setMaxListeners(1, signal); // a second listener at a time would be warned about, and fail here
    const warned: Error[] = [];
    const warn = (warning: Error): void => void warned.push(warning);
    process.on("warning", warn);
    for (let round = 0; round < 5; round++) {
      await expect(service.proxy.status("r", { signal })).rejects.toThrow(ErrNotFound);
      await (await service.proxy.writer({ ref: "r2", signal })).close();
      for await (const _ of service.proxy.walk({ signal }));
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warn);
    expect(warned).toEqual([]);
  });

  it("ends a call that takes longer than it may", async () => {
    const { store } = silentStore();
    const address = `unix://${service.folder}/silent`;
    await using _server = await serveContent({ store, address, closeGraceMs: 1 });
    await using proxy = proxyStore({ address, callTimeoutMs: 10 });
    await expect(proxy.info(digestOf("x"))).rejects.toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
  });

  it("ends what is under way when it is closed, and takes no more calls", async () => {
    const { store, asked } = silentStore();
    const address = `unix://${service.folder}/silent`;
    await using _server = await serveContent({ store, address, closeGraceMs: 1 });
    const proxy = proxyStore({ address });
    const info = proxy.info(digestOf("x"));
    await asked;
    await proxy.close();
    await proxy.close();
    await expect(info).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await expect(proxy.status("r")).rejects.toThrow(ErrFailedPrecondition);
    await expect(proxy.writer({ ref: "r" })).rejects.toThrow(ErrFailedPrecondition);
  });
});

describe("ProxyStore.stream()", () => {
  it("gives a blob or a range of it with one call", async () => {
    const bytes = pseudoRandom("stream", 2_500_000);
    const digest = await commit(bytes);
    const read = async (options?: { offset?: number; size?: number }): Promise<Buffer> => {
      const pieces: Uint8Array[] = [];
      for await (const piece of service.proxy.stream({ digest }, options)) pieces.push(piece);
      return Buffer.concat(pieces);
    };
    expect((await read()).equals(bytes)).toBe(true);
    expect((await read({ offset: 5, size: 1_500_000 })).equals(bytes.subarray(5, 1_500_005))).toBe(true);
    expect(await read({ offset: bytes.byteLength })).toHaveLength(0);
    await expect(read({ offset: bytes.byteLength + 1 })).rejects.toMatchObject({ code: "ERR_OUT_OF_RANGE" });
  });

  it("can be left early, or cancelled", async () => {
    const digest = await commit(pseudoRandom("left", 5_000_000));
    for await (const bytes of service.proxy.stream({ digest })) {
      expect(bytes.byteLength).toBe(1_048_576);
      break;
    }
    const controller = new AbortController();
    const all = async (): Promise<void> => {
      for await (const _ of service.proxy.stream({ digest }, { signal: controller.signal }))
        controller.abort();
    };
    await expect(all()).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });
});

describe("a reader of a proxy", () => {
  it("says so when the blob is gone or cut short meanwhile", async () => {
    const digest = await commit(pseudoRandom("short", 100));
    const reader = await service.proxy.readerAt({ digest });
    await service.store.delete(digest);
    await expect(reader.readAt(Buffer.alloc(100), 0)).rejects.toThrow(ErrNotFound);
  });

  it("gives up reads that are under way when it is closed", async () => {
    const bytes = pseudoRandom("closed", 5_000_000);
    const reader = await service.proxy.readerAt({ digest: await commit(bytes) });
    const read = reader.readAt(Buffer.alloc(5_000_000), 0);
    await reader.close();
    await expect(read).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });
});

describe("a writer of a proxy", () => {
  it("sends what is larger than a message in several", async () => {
    const bytes = pseudoRandom("large", 20_000_000);
    expect(await commit(bytes)).toBe(digestOf(bytes));
    await writeBlob(service.proxy, "again", bytes, { digest: digestOf(bytes), size: bytes.byteLength });
  });

  it("keeps the order of writes that nobody waits for", async () => {
    const bytes = pseudoRandom("order", 1_000_000);
    const writer = await service.proxy.writer({ ref: "order" });
    const writes: unknown[] = [];
    for (let at = 0; at < bytes.byteLength; at += 10_000)
      writes.push(writer.write(bytes.subarray(at, at + 10_000)));
    await Promise.all(writes);
    expect(await writer.commit()).toBe(digestOf(bytes));
  });

  it("tells the digest and the status as the bytes come in, and after truncate", async () => {
    const writer = await service.proxy.writer({ ref: "r", expected: digestOf("foobar"), size: 6 });
    expect(writer.digest()).toBe(digestOf(""));
    await writer.write(Buffer.from("foo"));
    expect(writer.digest()).toBe(digestOf("foo"));
    await writer.truncate(0);
    expect(writer.digest()).toBe(digestOf(""));
    expect(await writer.status()).toMatchObject({ offset: 0, total: 6, expected: digestOf("foobar") });
    await writer.write(Buffer.from("foobar"));
    expect(await writer.commit()).toBe(digestOf("foobar"));
  });

  it("gives the ref free before close returns", async () => {
    for (let round = 0; round < 20; round++) {
      const writer = await service.proxy.writer({ ref: "r" });
      await writer.close();
      await (await service.store.writer({ ref: "r" })).close();
    }
  });
});

/** Repeats a call while the connection is being made anew. */
async function reachable<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_UNAVAILABLE") throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
