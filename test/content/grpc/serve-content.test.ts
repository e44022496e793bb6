import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { status as Code } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InfoRequestSchema, WriteAction } from "../../../src/content/grpc/content_pb.ts";
import { contentMethods } from "../../../src/content/grpc/content-methods.ts";
import { proxyStore } from "../../../src/content/grpc/proxy-store.ts";
import { serveContent } from "../../../src/content/grpc/serve-content.ts";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import type { Store } from "../../../src/content/store.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrAlreadyExists, ErrFailedPrecondition, ErrInvalidArgument } from "../../../src/errors/classes.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { RawClient } from "./support/raw-client.ts";
import { startService } from "./support/service.ts";
import { spawnService } from "./support/spawn-service.ts";
import { storeWith } from "./support/store-with.ts";

let folder: string;
let store: LocalStore;
let address: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "serve-content-"));
  store = await openLocalStore({ root: join(folder, "root") });
  address = `unix://${folder}/s`;
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function commit(to: Store, text: string): Promise<void> {
  const writer = await to.writer({ ref: text });
  await writer.write(Buffer.from(text));
  await writer.commit();
}

async function boom(): Promise<never> {
  throw new TypeError("boom");
}

describe("serveContent()", () => {
  it("serves on TCP, says on which port and that there is no guard", async () => {
    const warnings: object[] = [];
    const logger = { debug() {}, warn: (fields: object) => void warnings.push(fields) };
    await using server = await serveContent({ store, address: "tcp://127.0.0.1:0", logger });
    expect(server.address).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(warnings).toEqual([{ address: server.address }]);
    await using proxy = proxyStore({ address: server.address });
    await commit(proxy, "foobar");
    expect(await store.info(digestOf("foobar"))).toMatchObject({ size: 6 });
  });

  it("refuses an address that is taken or none", async () => {
    await using server = await serveContent({ store, address: "tcp://127.0.0.1:0" });
    await expect(serveContent({ store, address: server.address })).rejects.toThrow(ErrAlreadyExists);
    await expect(serveContent({ store, address: "/run/s" })).rejects.toThrow(ErrInvalidArgument);
    const here = await serveContent({ store, address });
    await expect(serveContent({ store, address })).rejects.toThrow(ErrAlreadyExists);
    await here.close();
    await (await serveContent({ store, address })).close();
  });

  it("goes on after bytes that are no message", async () => {
    await using server = await serveContent({ store, address });
    using client = new RawClient(server.address);
    for (const { path } of Object.values(contentMethods)) {
      const { code, messages } = await client.send(path, Buffer.from("ffffffffff", "hex"));
      expect([code, messages]).toEqual([Code.INTERNAL, []]);
    }
    const unknown = "/containerd.services.content.v1.Content/Other";
    expect((await client.send(unknown, Buffer.alloc(0))).code).toBe(Code.UNIMPLEMENTED);
    expect(await client.call(contentMethods.info, create(InfoRequestSchema))).toMatchObject({
      code: Code.INVALID_ARGUMENT,
    });
  });

  it("survives a client that resets every stream, as Go's does after each part that it reads", async () => {
    await using server = await serveContent({ store, address });
    const session = connect("http://localhost", { path: server.address.replace("unix://", "") });
    for (let round = 0; round < 40; round++) {
      const streams = Array.from({ length: 100 }, () => {
        const headers = {
          ":method": "POST",
          ":path": contentMethods.read.path,
          "content-type": "application/grpc",
        };
        const stream = session.request(headers).on("error", () => {});
        stream.close(8);
        return new Promise((resolve) => stream.once("close", resolve));
      });
      await Promise.all(streams);
    }
    expect(session.destroyed).toBe(false);
    session.destroy();
  });

  it("logs failed calls at level debug, with the error itself", async () => {
    const failures: object[] = [];
    const logger = { debug: (fields: object) => void failures.push(fields), warn() {} };
    await using server = await serveContent({ store, address, logger });
    await using proxy = proxyStore({ address: server.address });
    await expect(proxy.status("r")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(failures).toMatchObject([
      { method: contentMethods.status.path, code: Code.NOT_FOUND, err: { code: "ERR_NOT_FOUND" } },
    ]);
  });

  it("ends a call with a status when the store breaks its contract", async () => {
    const broken = storeWith({ info: boom, writer: boom });
    await using server = await serveContent({ store: broken, address });
    using client = new RawClient(server.address);
    const digest = digestOf("x");
    expect(await client.call(contentMethods.info, create(InfoRequestSchema, { digest }))).toMatchObject({
      code: Code.UNKNOWN,
      details: "boom",
    });
    const stream = client.write();
    stream.send({ action: WriteAction.STAT, ref: "r" });
    expect((await stream.ended()).code).toBe(Code.UNKNOWN);
  });
});

describe("namespaces", () => {
  it("have stores of their own; a call that names none sees the raw one", async () => {
    const other = await openLocalStore({ root: join(folder, "other") });
    const storeFor = (namespace: string): Store => (namespace === "k8s.io" ? other : store);
    await using server = await serveContent({ store, storeFor, address });
    await using raw = proxyStore({ address: server.address });
    await using named = proxyStore({ address: server.address, namespace: "k8s.io" });
    await commit(named, "named");
    await commit(raw, "raw");
    expect(await other.info(digestOf("named"))).toMatchObject({ size: 5 });
    await expect(other.info(digestOf("raw"))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(await store.info(digestOf("raw"))).toMatchObject({ size: 3 });

    const [one, two] = await Promise.all([raw.writer({ ref: "same" }), named.writer({ ref: "same" })]);
    await Promise.all([one.close(), two.close()]);
    await other.close();
  });

  it("share the store when there is no other", async () => {
    await using server = await serveContent({ store, address });
    await using named = proxyStore({ address: server.address, namespace: "default" });
    await commit(named, "foobar");
    expect(await store.info(digestOf("foobar"))).toMatchObject({ size: 6 });
  });

  it.each(["a b", "-a", "a..b", "a/b", "x".repeat(77)])(
    "are refused when malformed: %j",
    async (namespace) => {
      await using server = await serveContent({ store, address });
      using client = new RawClient(server.address, { namespace });
      const { code } = await client.call(
        contentMethods.info,
        create(InfoRequestSchema, { digest: digestOf("") }),
      );
      expect(code).toBe(Code.INVALID_ARGUMENT);
      const stream = client.write();
      stream.send({ action: WriteAction.STAT, ref: "r" });
      expect((await stream.ended()).code).toBe(Code.INVALID_ARGUMENT);
      expect(() => proxyStore({ address, namespace })).toThrow(ErrInvalidArgument);
    },
  );
});

describe("ContentServer.close()", () => {
  it("lets calls end that are under way, and takes no new ones", async () => {
    await using service = await startService({ closeGraceMs: 600_000 });
    const writer = await service.proxy.writer({ ref: "r" });
    const restarted = service.restart();
    await writer.write(Buffer.from("foo"));
    const digest = await writer.commit();
    await restarted;
    expect(await service.store.info(digest)).toMatchObject({ size: 3 });
    expect(await service.proxy.info(digest)).toMatchObject({ size: 3 });
  });

  it("cancels calls that do not end, and keeps their bytes", async () => {
    await using service = await startService({ closeGraceMs: 1 });
    using raw = new RawClient(service.address);
    const call = raw.write();
    await call.exchange({ action: WriteAction.WRITE, ref: "r", data: Buffer.from("foo") });
    await service.restart();
    expect(await call.ended()).toMatchObject({
      code: 14,
      details: "content service is closing: unavailable",
    });
    const writer = await service.proxy.writer({ ref: "r" });
    expect(await writer.status()).toMatchObject({ offset: 3 });
    await writer.close();
  });

  it("lets a writer of a proxy go on after the restart", async () => {
    await using service = await startService({ closeGraceMs: 1 });
    const writer = await service.proxy.writer({ ref: "r" });
    await writer.write(Buffer.from("foo"));
    await service.restart();
    await writer.write(Buffer.from("bar"));
    await service.restart();
    expect(await writer.commit()).toBe(digestOf("foobar"));
  });

  it("can be called twice", async () => {
    const server = await serveContent({ store, address });
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });
});

describe("a service that is killed while it writes", () => {
  it("goes on at the offset that it tells after the restart", async () => {
    const bytes = pseudoRandom("killed", 3_000_000);
    const root = join(folder, "killed");
    const first = await spawnService(root, address);
    await using proxy = proxyStore({ address, restartMs: 0 });
    const writer = await proxy.writer({ ref: "r", size: bytes.byteLength, expected: digestOf(bytes) });
    await writer.write(bytes.subarray(0, 1_000_000));
    const write = Promise.allSettled([writer.write(bytes.subarray(1_000_000, 2_000_000))]);
    await first.kill("SIGKILL");
    const [lost] = await write; // or not lost: it may have been quicker
    if (lost.status === "rejected") expect(lost.reason).toMatchObject({ code: "ERR_UNAVAILABLE" });

    const second = await spawnService(root, address);
    await expect(proxy.info(digestOf(bytes))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    const { offset } = await proxy.status("r");
    expect(offset).toBeGreaterThanOrEqual(1_000_000);
    const next = await proxy.writer({ ref: "r", size: bytes.byteLength });
    expect(await next.status()).toMatchObject({ offset, total: bytes.byteLength });
    expect(next.digest()).toBe(digestOf(bytes.subarray(0, offset)));
    await next.write(bytes.subarray(offset));
    expect(await next.commit({ expected: digestOf(bytes) })).toBe(digestOf(bytes));
    expect(await second.kill("SIGTERM")).toBe(0);
  });

  it("gives a writer that is open the rest when it is there again", async () => {
    const bytes = pseudoRandom("killed", 3_000_000);
    const root = join(folder, "killed");
    const first = await spawnService(root, address);
    await using proxy = proxyStore({ address });
    const writer = await proxy.writer({ ref: "r", size: bytes.byteLength, expected: digestOf(bytes) });
    await writer.write(bytes.subarray(0, 1_000_000));
    const write = writer.write(bytes.subarray(1_000_000, 2_000_000));
    await first.kill("SIGKILL");
    const second = await spawnService(root, address);
    await write;
    await writer.write(bytes.subarray(2_000_000));
    expect(await writer.commit()).toBe(digestOf(bytes));
    expect(await second.kill("SIGTERM")).toBe(0);
  });

  it("closes all the way when the socket cannot be taken away, and says so", async () => {
    const run = join(folder, "run");
    const server = await serveContent({ store, address: `unix://${run}/s`, closeGraceMs: 1 });
    await rename(run, `${run}.away`);
    await writeFile(run, "no folder");
    await expect(server.close()).rejects.toThrow(ErrFailedPrecondition);
    using client = new RawClient(`unix:${run}.away/s`);
    const request = create(InfoRequestSchema, { digest: digestOf("x") });
    expect(await client.call(contentMethods.info, request)).toMatchObject({ code: Code.UNAVAILABLE });
  });
});
