import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProxyStore, proxyStore } from "../../../src/content/grpc/proxy-store.ts";
import { openWriter } from "../../../src/content/open-writer.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { seeded } from "../../chaos/support/seeded.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { CuttingRelay } from "./support/cutting-relay.ts";
import { type Service, startService } from "./support/service.ts";

const { CHAOS_SEED = randomBytes(4).toString("hex") } = process.env;

/** Connections that are cut, each at another byte. */
const CUTS = 60;

const MIB = 1_048_576;

let service: Service;
let relay: CuttingRelay;
let proxy: ProxyStore;

beforeEach(async () => {
  service = await startService({ lockWaitMs: 2_000 });
  relay = await CuttingRelay.start(`${service.folder}/relay`, `${service.folder}/s`);
  proxy = proxyStore({ address: relay.address });
});

afterEach(async () => {
  await proxy.close();
  await relay[Symbol.asyncDispose]();
  await service.dispose();
});

async function stored(name: string, size: number): Promise<Digest> {
  const writer = await service.store.writer({ ref: name });
  await writer.write(pseudoRandom(name, size));
  return await writer.commit();
}

/** What a client does with a blob, from its first byte to its removal. */
async function liveThrough(name: string, size: number): Promise<void> {
  const bytes = pseudoRandom(name, size);
  const digest = digestOf(bytes);
  const labels = { name, "a.b/c": "d" };
  const writer = await proxy.writer({ ref: name, size, expected: digest });
  for (let at = 0; at < size; at += 100_000) await writer.write(bytes.subarray(at, at + 100_000));
  expect(await writer.status()).toMatchObject({ ref: name, offset: size });
  expect(await writer.commit({ size, expected: digest, labels })).toBe(digest);
  expect(await proxy.info(digest)).toMatchObject({ size, labels });
  expect(digestOf(await readBlob(proxy, { digest, size }))).toBe(digest);
  const pieces: Uint8Array[] = [];
  for await (const piece of proxy.stream({ digest }, { offset: 5 })) pieces.push(piece);
  expect(digestOf(Buffer.concat(pieces))).toBe(digestOf(bytes.subarray(5)));
  await proxy.update({ digest, labels: { name: "new" } }, ["labels.name"]);
  await proxy.delete(digest);
  await expect(service.store.info(digest)).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  expect(await service.store.listStatuses()).toEqual([]);
}

describe(`connections that break (CHAOS_SEED=${CHAOS_SEED})`, () => {
  it("fail no call, wherever they break", { timeout: 120_000 }, async () => {
    for (let cut = 0; cut < CUTS; cut++) {
      const random = seeded(`cut ${CHAOS_SEED} ${cut}`);
      await proxy.listStatuses();
      const size = 1 + random.int(3 * MIB);
      const after = 1 + random.int(random.chance(0.5) ? 4_000 : 3 * size);
      relay.cutAfter(after);
      await liveThrough(`blob ${cut}`, size).catch((error: unknown) => {
        throw new Error(`CHAOS_SEED=${CHAOS_SEED}, cut ${cut} after ${after} bytes`, { cause: error });
      });
    }
    expect(relay.cuts).toBeGreaterThan(CUTS / 2);
  });

  it("let a read that is cut again and again go on as long as it brings bytes", async () => {
    const digest = await stored("read", 3 * MIB);
    let length = 0;
    for await (const piece of proxy.stream({ digest })) {
      length += piece.byteLength;
      if (length < 3 * MIB) relay.cut();
    }
    expect([length, relay.cuts]).toEqual([3 * MIB, 2]);
  });

  it("lose no byte of a writer, and none is written twice", async () => {
    const bytes = pseudoRandom("writer", 100_000);
    const writer = await proxy.writer({ ref: "r" });
    for (let at = 0; at < bytes.byteLength; at += 10_000) {
      const written = writer.write(bytes.subarray(at, at + 10_000));
      relay.cut();
      await written;
    }
    relay.cut();
    expect(await writer.commit()).toBe(digestOf(bytes));
    expect(await proxy.listStatuses()).toEqual([]);
  });

  it("leave a truncation what it is", async () => {
    const writer = await proxy.writer({ ref: "r" });
    await writer.write(Buffer.from("wrong"));
    relay.cut();
    await writer.truncate(0);
    await writer.write(Buffer.from("right"));
    expect(await writer.commit()).toBe(digestOf("right"));
  });

  it("do not let a writer go on with an ingest that is another one", async () => {
    const writer = await proxy.writer({ ref: "r" });
    await writer.write(Buffer.from("mine"));
    relay.cut();
    await (await openWriter(service.store, { ref: "r" })).close(); // the service has let go of it
    await service.store.abort("r");
    const other = await service.store.writer({ ref: "r" });
    await other.write(Buffer.from("else"));
    await other.close();
    await expect(writer.write(Buffer.from("more"))).rejects.toMatchObject({
      code: "ERR_UNAVAILABLE",
      message: "write ref r: the ingest is not where it was left when the service went away",
    });
    await writer.close();
    expect(await proxy.status("r")).toMatchObject({ offset: 4 });
  });

  it("let a writer be closed", async () => {
    const writer = await proxy.writer({ ref: "r" });
    await writer.write(Buffer.from("kept"));
    relay.cut();
    await writer.close();
    expect(await proxy.status("r")).toMatchObject({ offset: 4 });
  });
});

describe("a service that is gone for good", () => {
  it("fails each call, which says what it was, about what and where", async () => {
    const address = relay.address;
    await using impatient = proxyStore({ address, restartMs: 0 });
    const digest = await stored("gone", 10);
    const writer = await impatient.writer({ ref: "r s" });
    const reader = await impatient.readerAt({ digest });
    await relay[Symbol.asyncDispose]();
    const path = address.slice("unix://".length);
    const messages = (
      await Promise.allSettled([
        impatient.info(digest),
        impatient.delete(digest),
        impatient.status("r s"),
        impatient.abort("r s"),
        impatient.listStatuses(),
        impatient.writer({ ref: "r s" }),
        writer.write(Buffer.from("x")),
        writer.commit(),
        reader.readAt(Buffer.alloc(10), 0),
      ])
    ).map((result) => (result.status === "rejected" ? String(result.reason) : "done"));
    const calls = [
      `Info of ${digest}`,
      `Delete of ${digest}`,
      "Status of ref r s",
      "Abort of ref r s",
      "ListStatuses",
      "Write of ref r s",
      "Write of ref r s",
      `Info of ${digestOf("")}`, // it may have been committed
      `Read of ${digest}`,
    ];
    const error = (call: string): string =>
      `ErrUnavailable: call ${call} at ${address}: connect ENOENT ${path}`;
    expect(messages).toEqual(calls.map(error));
    relay = await CuttingRelay.start(path, `${service.folder}/s`);
  });
});
