import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { status as Code } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AbortRequestSchema,
  DeleteContentRequestSchema,
  InfoRequestSchema,
  ListContentRequestSchema,
  ListStatusesRequestSchema,
  StatusRequestSchema,
  UpdateRequestSchema,
} from "../../../src/content/grpc/content_pb.ts";
import { contentMethods } from "../../../src/content/grpc/content-methods.ts";
import type { Info } from "../../../src/content/store.ts";
import { type Digest, digestOf, encodedOf } from "../../../src/digest/digest.ts";
import { RawClient } from "./support/raw-client.ts";
import { type Service, startService } from "./support/service.ts";

const UNKNOWN = digestOf("unknown");

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

async function commit(text: string, labels: Record<string, string> = {}): Promise<Digest> {
  const writer = await service.store.writer({ ref: text });
  await writer.write(Buffer.from(text));
  return writer.commit({ labels });
}

async function leave(ref: string, text: string, size = 0): Promise<void> {
  const writer = await service.store.writer({ ref, size });
  await writer.write(Buffer.from(text));
  await writer.close();
}

const info = (digest: string) => client.call(contentMethods.info, create(InfoRequestSchema, { digest }));
const update = (digest: string, labels: Record<string, string>, paths?: string[]) =>
  client.call(
    contentMethods.update,
    create(UpdateRequestSchema, { info: { digest, labels }, ...(paths && { updateMask: { paths } }) }),
  );
const list = (...filters: string[]) =>
  client.call(contentMethods.list, create(ListContentRequestSchema, { filters }));
const remove = (digest: string) =>
  client.call(contentMethods.delete, create(DeleteContentRequestSchema, { digest }));
const status = (ref: string) => client.call(contentMethods.status, create(StatusRequestSchema, { ref }));
const listStatuses = (...filters: string[]) =>
  client.call(contentMethods.listStatuses, create(ListStatusesRequestSchema, { filters }));
const refs = async (...filters: string[]) =>
  (await listStatuses(...filters)).messages[0]?.statuses.map(({ ref }) => ref).sort();
const abort = (ref: string) => client.call(contentMethods.abort, create(AbortRequestSchema, { ref }));

/** Every text that is no digest, with what is wrong about it. */
const NO_DIGESTS = [
  ["", "invalid checksum digest format"],
  ["nonsense", "invalid checksum digest format"],
  ["sha256:../../../etc/passwd", "invalid checksum digest length"],
  [`sha256:${"A".repeat(64)}`, "invalid checksum digest format"],
  ["md5:d41d8cd98f00b204e9800998ecf8427e", "unsupported digest algorithm"],
] as const;

describe("Info", () => {
  it("tells everything, times to the nanosecond", async () => {
    const digest = await commit("foobar", { k: "v", "containerd.io/gc.root": "now" });
    const { code, messages } = await info(digest);
    const known = await service.store.info(digest);
    expect(code).toBe(Code.OK);
    expect(messages[0]?.info).toMatchObject({
      digest,
      size: 6n,
      labels: { k: "v", "containerd.io/gc.root": "now" },
      createdAt: {
        seconds: known.createdAtNs / 1_000_000_000n,
        nanos: Number(known.createdAtNs % 1_000_000_000n),
      },
      updatedAt: {
        seconds: known.updatedAtNs / 1_000_000_000n,
        nanos: Number(known.updatedAtNs % 1_000_000_000n),
      },
    });
  });

  it.each(NO_DIGESTS)("refuses the digest %j", async (digest) => {
    expect(await info(digest)).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: `"${digest}" failed validation`,
    });
  });

  it("says what is not there", async () => {
    expect(await info(UNKNOWN)).toMatchObject({
      code: Code.NOT_FOUND,
      details: `content ${UNKNOWN}: not found`,
    });
  });
});

describe("Update", () => {
  it("changes all labels or the paths named, and ignores everything else in the info", async () => {
    const digest = await commit("foobar", { a: "1", b: "2" });
    const zero = { seconds: -62_135_596_800n }; // what an older Go client sends for no time
    const request = create(UpdateRequestSchema, {
      info: { digest, size: 99n, createdAt: zero, updatedAt: zero, labels: { b: "3", c: "4" } },
      updateMask: { paths: ["labels.b", "labels.a"] },
    });
    const one = await client.call(contentMethods.update, request);
    expect(one.messages[0]?.info).toMatchObject({ digest, size: 6n, labels: { b: "3" } });
    const all = await update(digest, { d: "5" });
    expect(all.messages[0]?.info?.labels).toEqual({ d: "5" });
    expect((await service.store.info(digest)).labels).toEqual({ d: "5" });
  });

  it("refuses other paths, unknown and malformed digests, and a request without info", async () => {
    const digest = await commit("foobar");
    expect(await update(digest, {}, ["size"])).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: `cannot update "size" field on content info "${digest}": invalid argument`,
    });
    expect(await update(UNKNOWN, {})).toMatchObject({
      code: Code.NOT_FOUND,
      details: `content ${UNKNOWN}: not found`,
    });
    expect(await update("nonsense", {})).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: `"nonsense" failed validation`,
    });
    const empty = await client.call(contentMethods.update, create(UpdateRequestSchema));
    expect(empty.code).toBe(Code.INVALID_ARGUMENT);
  });
});

describe("Delete", () => {
  it("removes a blob", async () => {
    const digest = await commit("foobar");
    expect(await remove(digest)).toMatchObject({ code: Code.OK });
    expect(await info(digest)).toMatchObject({ code: Code.NOT_FOUND });
  });

  it.each(NO_DIGESTS)("refuses the digest %j", async (digest, details) => {
    expect(await remove(digest)).toMatchObject({ code: Code.INVALID_ARGUMENT, details });
  });

  it("says what is not there", async () => {
    expect(await remove(UNKNOWN)).toMatchObject({
      code: Code.NOT_FOUND,
      details: `content ${UNKNOWN}: not found`,
    });
  });
});

describe("List", () => {
  it("sends nothing for an empty store", async () => {
    expect(await list()).toEqual({ code: Code.OK, details: "", messages: [] });
  });

  it("lists what the filters let through, with both times", async () => {
    const first = await commit("first", { "containerd.io/gc.root": "x" });
    const second = await commit("second");
    const digests = async (...filters: string[]) =>
      (await list(...filters)).messages.flatMap((block) => block.info.map(({ digest }) => digest)).sort();
    expect(await digests()).toEqual([first, second].sort());
    expect(await digests('labels."containerd.io/gc.root"')).toEqual([first]);
    expect(await digests(`digest==${second}`, `digest==${UNKNOWN}`)).toEqual([second]);
    const [block] = (await list(`digest==${second}`)).messages;
    expect(block?.info[0]?.createdAt?.seconds).toBeGreaterThan(0n);
    expect(block?.info[0]?.updatedAt?.seconds).toBeGreaterThan(0n);
  });

  it("refuses a filter that is none", async () => {
    expect(await list(".*")).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: expect.stringMatching(/^filters: parse error: .+: invalid argument$/),
    });
  });
});

describe("List of 10,000 blobs", () => {
  it("gives those that the filters let through", async () => {
    const folder = join(service.folder, "root", "blobs", "sha256");
    await mkdir(folder, { recursive: true });
    const hex = Array.from({ length: 10_000 }, (_, index) => encodedOf(digestOf(String(index))));
    for (const name of hex) writeFileSync(join(folder, name), "");
    const { messages } = await list();
    expect(messages.map((block) => block.info.length)).toEqual(Array.from({ length: 100 }, () => 100));

    const wanted = hex.filter((name) => name.startsWith("ab")).map((name) => `sha256:${name}`);
    const found = (await list("digest~=^sha256:ab")).messages.flatMap((block) => block.info);
    expect(found.map(({ digest }) => digest).sort()).toEqual(wanted.sort());
  });

  it("is made only as fast as the client reads", async () => {
    const { store, progress } = endlessStore(10_000);
    await using huge = await startService({ store });
    let [seen, ahead] = [0, 0];
    for await (const { labels } of huge.proxy.walk()) {
      if (seen % 1_000 === 0) await turns(100);
      ahead = Math.max(ahead, progress.made - seen);
      expect(labels).toHaveProperty("n", String(seen++));
    }
    expect(seen).toBe(10_000);
    expect(ahead).toBeLessThan(6_000);
  });

  it("is given up when the client stops reading", async () => {
    const { store, progress } = endlessStore(Number.POSITIVE_INFINITY);
    await using huge = await startService({ store });
    for await (const entry of huge.proxy.walk()) {
      expect(entry.labels).toHaveProperty("n", "0");
      break;
    }
    await progress.ended;
  });
});

/** Lets whatever is ready run. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A store whose blobs, each with labels of 3 KB, exist only while they are listed. */
function endlessStore(count: number) {
  const ended = Promise.withResolvers<void>();
  const progress = { made: 0, ended: ended.promise };
  async function* walk(): AsyncGenerator<Info> {
    try {
      for (; progress.made < count; progress.made++) {
        const labels = { n: String(progress.made), padding: "x".repeat(3_000) };
        yield { digest: UNKNOWN, size: 0, createdAtNs: 1n, updatedAtNs: 1n, labels };
      }
    } finally {
      ended.resolve();
    }
  }
  const store = new Proxy(service.store, {
    get(target, key) {
      const value: unknown = key === "walk" ? walk : Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { store, progress };
}

describe("Status, ListStatuses and Abort", () => {
  it("tell about ingests and remove them", async () => {
    await leave("a", "foo", 10);
    await leave("b", "foobar");
    const { messages } = await status("a");
    expect(messages[0]?.status).toMatchObject({ ref: "a", offset: 3n, total: 10n, expected: "" });
    expect(messages[0]?.status?.startedAt?.seconds).toBeGreaterThan(0n);

    expect(await refs()).toEqual(["a", "b"]);
    expect(await refs("")).toEqual(["a", "b"]);
    expect(await refs("ref==b")).toEqual(["b"]);

    expect(await abort("a")).toMatchObject({ code: Code.OK });
    expect(await refs()).toEqual(["b"]);
  });

  it("say which ref is not there", async () => {
    const { code, details } = await status('no "such"');
    expect(code).toBe(Code.NOT_FOUND);
    expect(details).toMatch(/^could not get status for ref "no \\"such\\"": .*: not found$/);
    expect(await abort("nothing")).toMatchObject({ code: Code.NOT_FOUND });
  });

  it("refuse a filter that is none, and an empty ref", async () => {
    expect(await listStatuses(".*")).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: expect.stringMatching(/^filters: parse error: /),
    });
    expect(await status("")).toMatchObject({ code: Code.INVALID_ARGUMENT });
    expect(await abort("")).toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});
