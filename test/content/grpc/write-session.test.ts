import { connect, createServer } from "node:net";
import { status as Code } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WriteAction } from "../../../src/content/grpc/content_pb.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { RawClient, type RawWrite } from "./support/raw-client.ts";
import { type Service, startService } from "./support/service.ts";

const { STAT, WRITE, COMMIT } = WriteAction;
const FOO = Buffer.from("foo");
const BAR = Buffer.from("bar");
const FOOBAR = digestOf("foobar");

let service: Service;
let client: RawClient;

beforeEach(async () => {
  service = await startService();
  client = new RawClient(service.address);
});

afterEach(async () => {
  client[Symbol.dispose]();
  await service.dispose();
});

/** A stream that has written "foo" to the ref "r". */
async function wroteFoo(): Promise<RawWrite> {
  const stream = client.write();
  await stream.exchange({ action: WRITE, ref: "r", data: FOO });
  return stream;
}

async function commitFoobar(): Promise<void> {
  const writer = await service.store.writer({ ref: "before" });
  await writer.write(Buffer.from("foobar"));
  await writer.commit();
}

describe("the first message", () => {
  it.each([STAT, WRITE, COMMIT])("must name a ref, whatever its action (%d)", async (action) => {
    const stream = client.write();
    stream.send({ action, data: FOO });
    expect(await stream.ended()).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: "first message must have a reference",
      messages: [],
    });
    expect(await service.store.listStatuses()).toEqual([]);
  });

  it("must come: half-closing before it is an error that creates nothing", async () => {
    expect((await client.write().end()).code).toBe(Code.INVALID_ARGUMENT);
    expect(await service.store.listStatuses()).toEqual([]);
  });

  it("names the ref; that of later messages is ignored", async () => {
    const stream = await wroteFoo();
    await stream.exchange({ action: WRITE, ref: "another", offset: 3n, data: BAR });
    await stream.end();
    expect(await service.store.listStatuses()).toMatchObject([{ ref: "r", offset: 6 }]);
  });

  it("ends the stream when its digest is there already, or is none", async () => {
    await commitFoobar();
    const there = client.write();
    there.send({ action: STAT, ref: "r", expected: FOOBAR });
    expect(await there.ended()).toMatchObject({
      code: Code.ALREADY_EXISTS,
      details: `content ${FOOBAR}: already exists`,
    });
    const none = client.write();
    none.send({ action: STAT, ref: "r", expected: "sha256:nonsense" });
    expect(await none.ended()).toMatchObject({ code: Code.INVALID_ARGUMENT });
    expect(await service.store.listStatuses()).toEqual([]);
  });

  it("ends the stream when its total is no size of a file", async () => {
    const stream = client.write();
    stream.send({ action: STAT, ref: "r", total: 2n ** 63n - 1n });
    expect(await stream.ended()).toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it("ends the stream when somebody else keeps the ref", async () => {
    const stream = await wroteFoo();
    const second = client.write();
    second.send({ action: STAT, ref: "r" });
    expect(await second.ended()).toMatchObject({
      code: Code.UNAVAILABLE,
      details: expect.stringMatching(/^ref r locked for .+: unavailable$/),
    });
    expect(await stream.exchange({ action: STAT })).toMatchObject({ offset: 3n });
  });
});

describe("STAT", () => {
  it("tells offset, total, times and the digest of the bytes so far", async () => {
    const stream = client.write();
    const first = await stream.exchange({ action: STAT, ref: "r", total: 6n });
    expect(first).toMatchObject({ action: STAT, offset: 0n, total: 6n, digest: digestOf("") });
    const status = await service.store.status("r");
    expect(first.startedAt).toMatchObject({
      seconds: status.startedAtNs / 1_000_000_000n,
      nanos: Number(status.startedAtNs % 1_000_000_000n),
    });

    await stream.exchange({ action: WRITE, data: FOO });
    const second = await stream.exchange({ action: STAT });
    expect(second).toMatchObject({
      offset: 3n,
      total: 6n,
      digest: digestOf("foo"),
      startedAt: first.startedAt,
    });
    const nanoseconds = (time = first.updatedAt) =>
      (time?.seconds ?? 0n) * 1_000_000_000n + BigInt(time?.nanos ?? 0);
    expect(nanoseconds(second.updatedAt)).toBeGreaterThan(nanoseconds());
  });

  it("tells where an earlier stream stopped", async () => {
    await (await wroteFoo()).end();
    const stat = await client.write().exchange({ action: STAT, ref: "r" });
    expect(stat).toMatchObject({ offset: 3n, digest: digestOf("foo") });
  });

  it("has its times and total repeated by what follows, which has none of its own", async () => {
    const stream = client.write();
    const before = await stream.exchange({ action: WRITE, ref: "r", total: 6n, data: FOO });
    expect(before).toMatchObject({ total: 0n });
    expect(before.startedAt).toBeUndefined();
    const { startedAt, updatedAt } = await stream.exchange({ action: STAT });
    expect(startedAt).toBeDefined();
    const after = await stream.exchange({ action: WRITE, offset: 3n, data: BAR });
    expect(after).toMatchObject({ total: 6n, startedAt, updatedAt, offset: 6n });
  });
});

describe("WRITE", () => {
  it("appends at the current offset, or wherever that is when there are no bytes yet", async () => {
    const stream = client.write();
    const first = await stream.exchange({ action: WRITE, ref: "r", data: FOO });
    expect(first).toMatchObject({ action: WRITE, offset: 3n, digest: digestOf("foo") });
    const second = await stream.exchange({ action: WRITE, offset: 3n, data: BAR });
    expect(second).toMatchObject({ offset: 6n, digest: FOOBAR });
    const nothing = await stream.exchange({ action: WRITE, offset: 6n });
    expect(nothing).toMatchObject({ offset: 6n, digest: FOOBAR });
  });

  it.each([2n, 4n, -1n, 2n ** 63n - 1n])("refuses the offset %d, and keeps the bytes", async (offset) => {
    const stream = await wroteFoo();
    stream.send({ action: WRITE, offset, data: BAR });
    expect(await stream.ended()).toMatchObject({
      code: Code.OUT_OF_RANGE,
      details: `write @${offset} must occur at current offset 3`,
    });
    expect(await service.store.status("r")).toMatchObject({ offset: 3 });
  });

  it("starts over at offset 0", async () => {
    const stream = await wroteFoo();
    const again = await stream.exchange({ action: WRITE, data: BAR });
    expect(again).toMatchObject({ offset: 3n, digest: digestOf("bar") });
    const empty = await stream.exchange({ action: WRITE });
    expect(empty).toMatchObject({ offset: 0n, digest: digestOf("") });
  });

  it("takes 15 MiB at once, and refuses what containerd refuses: more than 16 MiB", async () => {
    const stream = client.write();
    const data = Buffer.alloc(15 * 1_048_576, 1);
    expect(await stream.exchange({ action: WRITE, ref: "r", data })).toMatchObject({
      digest: digestOf(data),
    });
    stream.send({ action: WRITE, offset: BigInt(data.byteLength), data: Buffer.alloc(16 * 1_048_576) });
    expect((await stream.ended()).code).toBe(Code.RESOURCE_EXHAUSTED);
    expect(await service.proxy.status("r")).toMatchObject({ offset: data.byteLength });
  });

  it("of a digest that is there by now gives up the ingest", async () => {
    const stream = await wroteFoo();
    await commitFoobar();
    stream.send({ action: WRITE, offset: 3n, data: BAR, expected: FOOBAR });
    expect(await stream.ended()).toMatchObject({
      code: Code.ALREADY_EXISTS,
      details: `blob with expected digest ${FOOBAR} exists`,
    });
    expect(await service.store.listStatuses()).toEqual([]);
  });
});

describe("COMMIT", () => {
  it("publishes with its labels, answers and ends the stream", async () => {
    const stream = await wroteFoo();
    const response = await stream.exchange({
      action: COMMIT,
      offset: 3n,
      data: BAR,
      total: 6n,
      expected: FOOBAR,
      labels: { k: "v" },
    });
    expect(response).toMatchObject({ action: COMMIT, offset: 6n, digest: FOOBAR });
    expect(await stream.ended()).toEqual({ code: Code.OK, details: "", messages: [] });
    expect(await service.store.info(FOOBAR)).toMatchObject({ size: 6, labels: { k: "v" } });
    expect(await service.store.listStatuses()).toEqual([]);
  });

  it("can be the only message", async () => {
    const stream = client.write();
    const response = await stream.exchange({ action: COMMIT, ref: "r", data: Buffer.from("foobar") });
    expect(response).toMatchObject({ offset: 6n, digest: FOOBAR });
    expect((await stream.ended()).code).toBe(Code.OK);
  });

  it.each([
    ["size", { total: 5n }, "unexpected commit size 3, expected 5: failed precondition"],
    [
      "digest",
      { expected: FOOBAR },
      `unexpected commit digest ${digestOf("foo")}, expected ${FOOBAR}: failed precondition`,
    ],
  ])("of a wrong %s fails and keeps the bytes", async (_what, wrong, details) => {
    const stream = await wroteFoo();
    stream.send({ action: COMMIT, offset: 3n, ...wrong });
    expect(await stream.ended()).toMatchObject({ code: Code.FAILED_PRECONDITION, details });
    const next = client.write();
    expect(await next.exchange({ action: STAT, ref: "r" })).toMatchObject({ offset: 3n });
    expect(await next.exchange({ action: COMMIT, offset: 3n })).toMatchObject({ digest: digestOf("foo") });
  });

  it("of bytes that are there already fails and frees the ref", async () => {
    await commitFoobar();
    const stream = await wroteFoo();
    stream.send({ action: COMMIT, offset: 3n, data: BAR });
    expect(await stream.ended()).toMatchObject({
      code: Code.ALREADY_EXISTS,
      details: `content ${FOOBAR}: already exists`,
    });
    expect(await service.store.listStatuses()).toEqual([]);
  });

  it("at offset 0 throws away what was written, as containerd does", async () => {
    const stream = await wroteFoo();
    expect(await stream.exchange({ action: COMMIT, data: BAR })).toMatchObject({
      offset: 3n,
      digest: digestOf("bar"),
    });
  });

  it("at a wrong offset is refused", async () => {
    const stream = await wroteFoo();
    stream.send({ action: COMMIT, offset: 6n });
    expect(await stream.ended()).toMatchObject({ code: Code.OUT_OF_RANGE });
    expect(await service.store.status("r")).toMatchObject({ offset: 3 });
  });

  it("checks what was announced last: 2017's service insisted on the first", async () => {
    const stream = client.write();
    await stream.exchange({ action: WRITE, ref: "r", total: 99n, expected: digestOf("other"), data: FOO });
    const options = { action: COMMIT, offset: 3n, data: BAR, total: 6n, expected: FOOBAR };
    expect(await stream.exchange(options)).toMatchObject({ digest: FOOBAR });
  });

  it("checks what was announced at the start when it announces nothing", async () => {
    const stream = client.write();
    await stream.exchange({ action: WRITE, ref: "r", total: 6n, data: FOO });
    stream.send({ action: COMMIT, offset: 3n });
    expect(await stream.ended()).toMatchObject({ code: Code.FAILED_PRECONDITION });
  });
});

describe("an unknown action", () => {
  it.each([-1, 3, 2_147_483_647])(
    "(%d; -1 was ABORT in 2017) is refused, and keeps the bytes",
    async (action) => {
      const stream = await wroteFoo();
      stream.send({ action: action as WriteAction });
      expect(await stream.ended()).toMatchObject({
        code: Code.INVALID_ARGUMENT,
        details: `unknown write action ${action}`,
      });
      expect(await service.store.status("r")).toMatchObject({ offset: 3 });
    },
  );
});

describe("the end of a stream", () => {
  it("by half-close is fine and keeps the bytes", async () => {
    const stream = await wroteFoo();
    expect(await stream.end()).toEqual({ code: Code.OK, details: "", messages: [] });
    expect(await service.store.status("r")).toMatchObject({ offset: 3 });
  });

  it("by cancellation keeps the bytes and gives the ref free at once", async () => {
    await using patient = await startService({ lockWaitMs: 60_000 });
    using raw = new RawClient(patient.address);
    for (let round = 0; round < 5; round++) {
      const stream = raw.write();
      await stream.exchange({ action: WRITE, ref: "r", data: FOO });
      stream.cancel();
      const next = raw.write();
      expect(await next.exchange({ action: STAT, ref: "r" })).toMatchObject({
        offset: 3n,
        digest: digestOf("foo"),
      });
      await next.end();
    }
  });

  it("by a lost connection keeps the bytes and gives the ref free", async () => {
    await using patient = await startService({ lockWaitMs: 60_000 });
    const relay = createServer((near) => {
      const far = connect(patient.address.replace("unix://", ""));
      near.pipe(far).pipe(near);
      near.on("error", () => {}).on("close", () => far.destroy());
      void cut.promise.then(() => near.destroy());
    });
    const cut = Promise.withResolvers<void>();
    const path = `${patient.folder}/relay`;
    await new Promise<void>((resolve) => relay.listen(path, resolve));
    using lost = new RawClient(`unix://${path}`);
    const stream = lost.write();
    await stream.exchange({ action: WRITE, ref: "r", data: FOO });
    cut.resolve();
    expect(await stream.ended()).toMatchObject({ code: Code.UNAVAILABLE });
    using raw = new RawClient(patient.address);
    const next = raw.write();
    expect(await next.exchange({ action: STAT, ref: "r" })).toMatchObject({ offset: 3n });
    await next.end();
    relay.close();
  });
});
