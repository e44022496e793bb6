import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LocalStore } from "../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import { digestOf } from "../../src/digest/digest.ts";
import {
  ErrUnavailable,
  findError,
  isDataLoss,
  isFailedPrecondition,
  isNotFound,
  isNotImplemented,
  isUnavailable,
} from "../../src/errors.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { DOCKER_SCHEMA1_MANIFEST, OCI_LAYER_GZIP, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { MAX_MANIFEST_BYTES } from "../../src/oci/parse-document.ts";
import { fetchContent } from "../../src/remotes/fetch.ts";
import { makeRefKey } from "../../src/remotes/ref-key.ts";
import type { Fetcher } from "../../src/remotes/remote.ts";

const ENDPOINT = "https://registry.example";
const CONTENT = Buffer.from("0123456789".repeat(100));
const LAYER: Descriptor = { mediaType: OCI_LAYER_GZIP, digest: digestOf(CONTENT), size: CONTENT.length };

let root: string;
let store: LocalStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-fetch-"));
  store = await openLocalStore({ root });
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

interface Serving {
  readonly bytes?: Uint8Array;
  /** Bytes after which the connection breaks. */
  readonly breakAfter?: number;
  readonly ignoreOffset?: boolean;
}

/** A remote that serves bytes in pieces, all in one buffer that it uses again for each piece. */
function serving(
  { bytes = CONTENT, breakAfter, ignoreOffset = false }: Serving,
  asked: number[] = [],
): Fetcher {
  return {
    async fetch(_descriptor, { offset = 0 } = {}) {
      asked.push(offset);
      const start = ignoreOffset ? 0 : offset;
      return {
        offset: start,
        async pipeTo(sink) {
          const reused = new Uint8Array(64);
          for (let at = start; at < bytes.length; at += reused.length) {
            if (breakAfter !== undefined && at >= breakAfter)
              throw new ErrUnavailable("reset", { endpoint: ENDPOINT });
            const piece = bytes.subarray(at, at + reused.length);
            reused.set(piece);
            await sink(reused.subarray(0, piece.length));
          }
        },
        async discard() {},
      };
    },
  };
}

const fetching = (fetcher: Fetcher, more = {}) => ({ fetcher, ingester: store, endpoint: ENDPOINT, ...more });

describe("fetchContent()", () => {
  it("commits content that is what the descriptor says", async () => {
    expect(await fetchContent(LAYER, fetching(serving({})))).toBe(true);
    expect(Buffer.from(await readBlob(store, LAYER))).toEqual(CONTENT);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("asks for nothing when the content is there", async () => {
    const asked: number[] = [];
    await fetchContent(LAYER, fetching(serving({})));
    expect(await fetchContent(LAYER, fetching(serving({}, asked)))).toBe(false);
    expect(asked).toEqual([]);
  });

  it("keeps what came before the connection broke and goes on from there", async () => {
    const asked: number[] = [];
    const broken = await fetchContent(LAYER, fetching(serving({ breakAfter: 512 }))).catch(
      (cause: unknown) => cause,
    );
    expect(isUnavailable(broken)).toBe(true);
    expect((await store.status(makeRefKey(LAYER))).offset).toBe(512);
    await fetchContent(LAYER, fetching(serving({}, asked)));
    expect(asked).toEqual([512]);
    expect(Buffer.from(await readBlob(store, LAYER))).toEqual(CONTENT);
  });

  it("passes over what it has when the remote starts again from 0", async () => {
    await fetchContent(LAYER, fetching(serving({ breakAfter: 512 }))).catch(() => {});
    await fetchContent(LAYER, fetching(serving({ ignoreOffset: true })));
    expect(Buffer.from(await readBlob(store, LAYER))).toEqual(CONTENT);
  });

  it("needs no remote when all bytes are on disk", async () => {
    await using writer = await store.writer({ ref: makeRefKey(LAYER), size: LAYER.size });
    await writer.write(CONTENT);
    await writer.close();
    const asked: number[] = [];
    expect(await fetchContent(LAYER, fetching(serving({}, asked)))).toBe(true);
    expect(asked).toEqual([]);
  });

  it("throws away wrong bytes, and says what it got", async () => {
    const wrong = Buffer.from(CONTENT);
    wrong[500] = (wrong[500] ?? 0) ^ 1;
    const error = await fetchContent(LAYER, fetching(serving({ bytes: wrong }))).catch(
      (cause: unknown) => cause,
    );
    expect(isDataLoss(error)).toBe(true);
    expect(findError(error)).toMatchObject({ endpoint: ENDPOINT, digest: LAYER.digest, retryable: false });
    expect((error as Error).message).toBe(`verify ${LAYER.digest}: got ${digestOf(wrong)}`);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("allows another attempt when the wrong bytes may be those of an earlier one", async () => {
    const wrong = Buffer.from(CONTENT).fill("x", 0, 100);
    await fetchContent(LAYER, fetching(serving({ bytes: wrong, breakAfter: 512 }))).catch(() => {});
    const error = await fetchContent(LAYER, fetching(serving({}))).catch((cause: unknown) => cause);
    expect(findError(error)).toMatchObject({ code: "ERR_DATA_LOSS", retryable: true });
    await fetchContent(LAYER, fetching(serving({})));
    expect(Buffer.from(await readBlob(store, LAYER))).toEqual(CONTENT);
  });

  it("refuses more bytes than the descriptor says, without storing them", async () => {
    const long = Buffer.concat([CONTENT, Buffer.from("tail")]);
    const error = await fetchContent(LAYER, fetching(serving({ bytes: long }))).catch(
      (cause: unknown) => cause,
    );
    expect(isDataLoss(error)).toBe(true);
    expect((error as Error).message).toBe(
      `fetch ${LAYER.digest}: got more than the ${LAYER.size} bytes wanted`,
    );
    expect(await store.listStatuses()).toEqual([]); // not a byte of such a body can be trusted
  });

  it("brings an empty blob", async () => {
    const empty = { ...LAYER, digest: digestOf(""), size: 0 };
    const asked: number[] = [];
    expect(await fetchContent(empty, fetching(serving({}, asked)))).toBe(true);
    expect(await store.info(empty.digest)).toMatchObject({ size: 0 });
    expect(asked).toEqual([]);
  });

  it("refuses size zero for what is not empty", async () => {
    const error = await fetchContent({ ...LAYER, size: 0 }, fetching(serving({}))).catch(
      (cause: unknown) => cause,
    );
    expect(findError(error)).toMatchObject({ code: "ERR_DATA_LOSS", endpoint: ENDPOINT });
  });

  it("reports a body that ends too early as worth another attempt", async () => {
    const short = CONTENT.subarray(0, 300);
    const error = await fetchContent(LAYER, fetching(serving({ bytes: short }))).catch(
      (cause: unknown) => cause,
    );
    expect(findError(error)).toMatchObject({ code: "ERR_DATA_LOSS", retryable: true, endpoint: ENDPOINT });
    expect((await store.status(makeRefKey(LAYER))).offset).toBe(300);
  });

  it("uses content embedded in the descriptor when it is what it claims to be", async () => {
    const asked: number[] = [];
    await fetchContent({ ...LAYER, data: CONTENT.toString("base64") }, fetching(serving({}, asked)));
    expect(asked).toEqual([]);
  });

  it("asks the remote when the embedded content is something else", async () => {
    const asked: number[] = [];
    await fetchContent({ ...LAYER, data: "AAAA" }, fetching(serving({}, asked)));
    expect(asked).toEqual([0]);
  });

  it.each<[string, Partial<Descriptor>, (error: unknown) => boolean]>([
    ["schema 1", { mediaType: DOCKER_SCHEMA1_MANIFEST }, isNotImplemented],
    [
      "an oversized manifest",
      { mediaType: OCI_MANIFEST, size: MAX_MANIFEST_BYTES + 1 },
      isFailedPrecondition,
    ],
  ])("refuses %s before anything is asked", async (_name, change, matches) => {
    const asked: number[] = [];
    const error = await fetchContent({ ...LAYER, ...change }, fetching(serving({}, asked))).catch(
      (cause: unknown) => cause,
    );
    expect(matches(error)).toBe(true);
    expect(asked).toEqual([]);
    expect(
      isNotFound(await store.status(makeRefKey({ ...LAYER, ...change })).catch((cause: unknown) => cause)),
    ).toBe(true);
  });

  it("tells how many bytes are there, from the ones it found on", async () => {
    await fetchContent(LAYER, fetching(serving({ breakAfter: 512 }))).catch(() => {});
    const told: number[] = [];
    let verified = 0;
    await fetchContent(
      LAYER,
      fetching(serving({}), { onBytes: (bytes: number) => told.push(bytes), onVerify: () => verified++ }),
    );
    expect(told[0]).toBe(512);
    expect(told.at(-1)).toBe(LAYER.size);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(verified).toBe(1);
  });

  it("fetches once when two ask at the same time", async () => {
    const asked: number[] = [];
    const both = await Promise.all([
      fetchContent(LAYER, fetching(serving({}, asked))),
      fetchContent(LAYER, fetching(serving({}, asked))),
    ]);
    expect(both.toSorted()).toEqual([false, true]);
    expect(asked).toEqual([0]);
  });
});
