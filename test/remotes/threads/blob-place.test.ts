import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import type { Writer } from "../../../src/content/store.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { findError, isDataLoss, isUnavailable } from "../../../src/errors.ts";
import { OCI_LAYER_GZIP } from "../../../src/oci/media-types.ts";
import { HERE } from "../../../src/registry/http/send.ts";
import { createTransport } from "../../../src/registry/transport/transport.ts";
import { anonymous, createRegistryClient, endpointSend } from "../../../src/registry.ts";
import { Claim } from "../../../src/remotes/ranges/claim.ts";
import { RegistryRemote } from "../../../src/remotes/registry-remote.ts";
import { BlobPlace } from "../../../src/remotes/threads/blob-place.ts";
import { TransferThreads } from "../../../src/remotes/threads/transfer-threads.ts";
import { DEFAULT_BACKOFF } from "../../../src/xfer.ts";
import { pseudoRandom } from "../../content/support/pseudo-random.ts";
import { httpServer, type ScriptedServer } from "../../registry/support/raw-server.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";

// These say themselves how a blob moves, whatever a run was told.
vi.unmock("../../../src/remotes/threads/transfer-threads.ts");

const SIZE = 3_000_000;
const CONTENT = pseudoRandom("place", SIZE);
const LAYER = { mediaType: OCI_LAYER_GZIP, digest: digestOf(CONTENT), size: SIZE };
const THIRD = 1_000_000;
const FAILING = new URL("support/failing-worker.ts", import.meta.url);

let root: string;
let store: LocalStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-place-"));
  store = await openLocalStore({ root });
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const keep = closingAfterEach();

/** An ingest and its place, and how to bring something into it. */
interface Bringing {
  readonly writer: Writer;
  readonly place: BlobPlace;
  /** Asks for everything from `claim.start` on, and pours it. */
  bring(claim: Claim, server: ScriptedServer): Promise<void>;
}

async function bringing(workers: number, file?: URL): Promise<Bringing> {
  const threads = new TransferThreads({ workers, bytesPerWorker: 0, connection: { authorities: [] }, file });
  keep({ [Symbol.asyncDispose]: () => threads.end() });
  const { send } = keep(Object.assign(createTransport(), disposal));
  const writer = keep(await store.writer({ ref: "layer", size: SIZE, expected: LAYER.digest, unread: true }));
  const handed = writer.handOver?.();
  if (!handed) throw new Error("the writer has no file");
  const incoming = { what: "fetch layer", digest: LAYER.digest, size: SIZE, endpoint: "http://endpoint" };
  const place = await BlobPlace.open(threads.take(SIZE).thread, handed, incoming);
  expect(place.address === HERE).toBe(workers === 0);
  return {
    writer,
    place,
    async bring(claim, server) {
      const endpoint = {
        baseUrl: `${server.origin}/v2`,
        mirror: false,
        credentialHost: new URL(server.origin).host,
      } as Parameters<typeof endpointSend>[0]["endpoint"];
      const client = createRegistryClient({
        endpoint,
        repository: "team/app",
        send: endpointSend({ endpoint, credentials: anonymous, send }),
      });
      const remote = new RegistryRemote(client, { endpoint, backoff: DEFAULT_BACKOFF });
      const content = await remote.fetch(LAYER, { offset: claim.start, place: place.address });
      expect(place.takes(content)).toBe(true);
      await place.pour(content, claim, claim.start - content.offset);
    },
  };
}

const disposal = {
  async [Symbol.asyncDispose](this: { close(): Promise<void> }): Promise<void> {
    await this.close();
  },
};

const startOf = (request: IncomingMessage): number =>
  Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);

/** Says that it gives everything from there on that was asked for. */
function begin(request: IncomingMessage, response: ServerResponse): number {
  const from = startOf(request);
  const range = { "content-range": `bytes ${from}-${SIZE - 1}/${SIZE}` };
  response.writeHead(from > 0 ? 206 : 200, { "content-length": SIZE - from, ...(from > 0 && range) });
  return from;
}

const honest = (bytes: Buffer = CONTENT): Promise<ScriptedServer> =>
  httpServer((request, response) => void response.end(bytes.subarray(begin(request, response))));

/** Sends so many bytes, and leaves it at that, or breaks off. */
const stopping = (count: number, how: "wait" | "break"): Promise<ScriptedServer> =>
  httpServer((request, response) => {
    const from = begin(request, response);
    const done = (): void => {
      if (how === "break") response.destroy();
    };
    response.write(CONTENT.subarray(from, from + count), done);
  });

const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error as Error,
  );

async function commit({ writer, place }: Bringing): Promise<void> {
  expect(await place.close()).toMatchObject({ offset: SIZE, bytes: SIZE, digest: LAYER.digest, parts: [] });
  expect(writer.digest()).toBe(LAYER.digest);
  await writer.commit({ size: SIZE, expected: LAYER.digest });
  expect(Buffer.from(await readBlob(store, LAYER, { maxBytes: SIZE })).equals(CONTENT)).toBe(true);
}

describe.each([{ workers: 0 }, { workers: 1 }])("a place for a blob, in $workers threads", ({ workers }) => {
  it("takes several pours at the same time, of each no more than is claimed", async () => {
    const server = keep(await honest());
    const work = await bringing(workers);
    const claims = [0, THIRD, 2 * THIRD].map((from) => Claim.of(from, from + THIRD));
    await Promise.all(claims.toReversed().map((claim) => work.bring(claim, server)));
    expect(claims.map(({ reached, left }) => [reached, left])).toEqual([
      [THIRD, 0],
      [2 * THIRD, 0],
      [SIZE, 0],
    ]);
    expect([work.place.edge, work.place.bytes]).toEqual([SIZE, SIZE]);
    await commit(work);
    while (server.sockets.size > 1) await setImmediate(); // those that were cut are closed
  });

  it("stops where the end of a claim is moved to, and goes on where it is moved back", async () => {
    const server = keep(await honest());
    const work = await bringing(workers);
    const claim = Claim.of(0, SIZE);
    claim.end = THIRD;
    await work.bring(claim, server);
    expect([claim.reached, work.place.edge]).toEqual([THIRD, THIRD]);
    await work.bring(Claim.of(THIRD, SIZE), server);
    await commit(work);
  });

  it("keeps the first of two that bring other bytes for the same place", async () => {
    const work = await bringing(workers);
    const wrong = keep(await honest(Buffer.alloc(SIZE, "x")));
    const right = keep(await honest());
    await work.bring(Claim.of(THIRD, 2 * THIRD), right);
    await work.bring(Claim.of(0, THIRD), right);
    const again = Claim.of(0, 2 * THIRD);
    await work.bring(again, wrong);
    expect(again.left).toBe(0);
    await work.bring(Claim.of(THIRD, SIZE), right);
    await commit(work);
  });

  it("tells what came of a pour that broke, and has it for the next one", async () => {
    const work = await bringing(workers);
    const broken = keep(await stopping(300_000, "break"));
    const claim = Claim.of(2 * THIRD, SIZE);
    const error = await failureOf(work.bring(claim, broken));
    expect(findError(error)).toMatchObject({ endpoint: broken.origin, retryable: true });
    expect(claim.reached).toBe(2 * THIRD + 300_000);
    const parts = [{ from: 2 * THIRD, to: claim.reached }];
    expect(await work.place.close()).toMatchObject({ offset: 0, bytes: 300_000, parts });
    expect(await work.writer.status()).toMatchObject({ offset: 0, parts });
    await work.writer.close();
    expect(await store.status("layer")).toMatchObject({ offset: 0, parts });

    const next = await bringing(workers);
    expect(next.place.bytes).toBe(300_000);
    await next.bring(Claim.of(0, SIZE), keep(await honest()));
    await commit(next);
  });

  it("says when more comes than there may be", async () => {
    const long = keep(
      await httpServer((request, response) => {
        const from = startOf(request);
        response.writeHead(206, { "content-range": `bytes ${from}-${SIZE - 1}/${SIZE}` });
        response.end(Buffer.concat([CONTENT.subarray(from), Buffer.from("more")]));
      }),
    );
    const work = await bringing(workers);
    const claim = Claim.of(2 * THIRD, SIZE);
    const error = await failureOf(work.bring(claim, long));
    expect(isDataLoss(error)).toBe(true);
    expect(error.message).toContain(`got more than the ${SIZE} bytes wanted`);
    expect(await work.place.close()).toMatchObject({ isTooLong: true });
  });

  it("tells of progress behind a hole as well", async () => {
    const work = await bringing(workers);
    const seen: Array<[number, number]> = [];
    const stop = work.place.watch({ isFollowed: true, onMore: (...more) => seen.push(more) });
    await work.bring(Claim.of(THIRD, 2 * THIRD), keep(await honest()));
    stop();
    expect(seen.at(-1)).toEqual([0, THIRD]);
    await work.place.close();
  });
});

describe("a thread that dies while several pours are under way", () => {
  it("fails them all, and leaves what was written down", async () => {
    const work = await bringing(1, FAILING);
    const server = keep(await stopping(100_000, "wait"));
    const starts = [0, THIRD, 2 * THIRD];
    const ended = await Promise.allSettled(
      starts.map((from) => work.bring(Claim.of(from, from + THIRD), server)),
    );
    for (const each of ended) {
      expect(each.status === "rejected" && isUnavailable(each.reason)).toBe(true);
    }
    expect(await work.place.close()).toBeUndefined();
    await work.writer.close();
    const next = await bringing(1);
    await next.bring(Claim.of(0, SIZE), keep(await honest()));
    await commit(next);
  });
});
