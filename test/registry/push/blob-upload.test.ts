import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ErrCanceled, ErrUnavailable } from "../../../src/errors/classes.ts";
import { isRetryable } from "../../../src/errors/predicates.ts";
import { BlobUpload } from "../../../src/registry/push/blob-upload.ts";
import { BodyLimit } from "../../../src/registry/push/body-limit.ts";
import { BodySizes } from "../../../src/registry/push/body-sizes.ts";
import type { BlobSource, UploadBlobOptions, UploadSession } from "../../../src/registry/push/push-client.ts";
import { RepositorySession } from "../../../src/registry/repository/repository-session.ts";
import type { RequestRecord } from "../../../src/testing/http/request-record.ts";
import type { TestRegistry } from "../../../src/testing/test-registry.ts";
import { type BreakingProxy, breakingProxy } from "../support/breaking-proxy.ts";
import { LossyRegistry } from "../support/lossy-registry.ts";
import { PushLab, REPOSITORY, storedBytes } from "../support/push-lab.ts";
import { TestBlob } from "../support/test-blob.ts";

const MiB = 1024 * 1024;

/** Requests as a table: method, status, and the range that a body claims. */
const table = (requests: readonly RequestRecord[]): string[] =>
  requests.map(({ method, status, state, headers }) =>
    [method, state === "aborted" ? "cut" : status, headers["content-range"]]
      .filter((part) => part !== undefined)
      .join(" "),
  );

async function expectStored(registry: TestRegistry, blob: TestBlob): Promise<void> {
  expect(registry.blobs(REPOSITORY)).toContain(blob.digest);
  expect((await storedBytes(registry, blob.digest)).equals(blob.bytes())).toBe(true);
  expect(registry.uploads(REPOSITORY)).toEqual([]);
  expect(blob.openReaders).toBe(0);
}

describe("BlobUpload.run()", () => {
  let lab: PushLab;
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  /** Uploads of 4 MiB at once, as one client makes them. */
  function uploader(origin: string) {
    const target = { repository: lab.session(origin), sizes: new BodySizes(new BodyLimit(4 * MiB, 4 * MiB)) };
    return (blob: BlobSource, options: UploadBlobOptions = {}): Promise<void> =>
      new BlobUpload(target, blob, options).run();
  }

  /** Makes attempts, each going on with the session of the one before, until one succeeds; gives the failures. */
  async function insist(upload: ReturnType<typeof uploader>, blob: TestBlob): Promise<unknown[]> {
    const failures: unknown[] = [];
    let session: UploadSession | undefined;
    for (;;) {
      try {
        await upload(blob, {
          session,
          onSession: (newest) => {
            session = newest;
          },
        });
        return failures;
      } catch (error) {
        failures.push(error);
        if (!isRetryable(error) || failures.length === 10) throw error;
      }
    }
  }

  async function broken(registry: { url: string }, breaks: number[]): Promise<BreakingProxy> {
    return await lab.use(breakingProxy(registry.url, breaks));
  }

  it.each([[0], [1], [1_000], [4 * MiB]])("sends a blob of %d bytes in one request", async (size) => {
    const registry = await lab.registry();
    const blob = new TestBlob(size);
    await uploader(registry.url)(blob);
    expect(table(registry.requests)).toEqual(["POST 202", "PUT 201"]);
    await expectStored(registry, blob);
  });

  it("sends a larger blob in chunks, the last one with the digest", async () => {
    const registry = await lab.registry();
    const blob = new TestBlob(8 * MiB + 1);
    await uploader(registry.url)(blob);
    expect(table(registry.requests)).toEqual([
      "POST 202",
      "PATCH 202 0-4194303",
      "PATCH 202 4194304-8388607",
      "PUT 201 8388608-8388608",
    ]);
    await expectStored(registry, blob);
  });

  it("sends no chunk below the registry's minimum", async () => {
    const registry = await lab.registry({ chunkMinBytes: 6 * MiB });
    const blob = new TestBlob(13 * MiB);
    await uploader(registry.url)(blob);
    expect(table(registry.requests).slice(1)).toEqual([
      "PATCH 202 0-6291455",
      "PATCH 202 6291456-12582911",
      "PUT 201 12582912-13631487",
    ]);
    await expectStored(registry, blob);
  });

  it("tells the bytes that were taken, of the whole blob, and each session", async () => {
    const registry = await lab.registry();
    const blob = new TestBlob(9 * MiB);
    const seen: number[] = [];
    const sessions: UploadSession[] = [];
    await uploader(registry.url)(blob, {
      onBytes: (bytes) => seen.push(bytes),
      onSession: (session) => sessions.push(session),
    });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.length).toBeGreaterThan(30);
    expect([seen[0], seen.at(-1)]).toEqual([0, blob.size]);
    expect(sessions.map(({ isNew }) => isNew === true)).toEqual([true, false, false, false]);
    expect(new Set(sessions.map(({ location }) => location)).size).toBe(3);
  });

  it("goes on in a new session without asking how far that is", async () => {
    const registry = await lab.registry();
    const client = lab.client(registry.url);
    const session = await client.startUpload();
    await uploader(registry.url)(new TestBlob(10), { session });
    expect(table(registry.requests)).toEqual(["POST 202", "PUT 201"]);
  });

  describe("after a broken connection", () => {
    it.each([[MiB], [16 * MiB], [Math.floor(32 * MiB * 0.99)]])(
      "sends again only what was lost (%d bytes in)",
      async (offset) => {
        const registry = await lab.registry();
        const proxy = await broken(registry, [offset]);
        const blob = new TestBlob(32 * MiB);
        const failures = await insist(uploader(proxy.origin), blob);
        expect(failures).toHaveLength(1);
        expect(proxy.breaksLeft()).toBe(0);
        expect(proxy.sentBytes()).toBeLessThan(blob.size + 4 * MiB + 10_000);
        await expectStored(registry, blob);
      },
    );

    it("loses one chunk at most at a registry that throws broken requests away", async () => {
      const registry = await lab.use(LossyRegistry.start());
      const breaks = [MiB, 16 * MiB, 31 * MiB];
      const proxy = await broken(registry, breaks);
      const blob = new TestBlob(32 * MiB);
      const failures = await insist(uploader(proxy.origin), blob);
      expect(failures).toHaveLength(3);
      expect(proxy.sentBytes()).toBeLessThan(blob.size + 3 * 4 * MiB + 10_000);
      expect(registry.finished).toEqual([blob.digest]);
    });

    it("asks for the offset, and sends on from there", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PATCH", after: 1 }, { resetRequest: { afterBytes: MiB } });
      const blob = new TestBlob(12 * MiB);
      const [failure] = await insist(uploader(registry.url), blob);
      expect(failure).toMatchObject({ name: "ErrUnavailable", retryable: true, endpoint: registry.url });
      expect(table(registry.requests)).toEqual([
        "POST 202",
        "PATCH 202 0-4194303",
        "PATCH cut 4194304-8388607",
        "GET 204",
        "PATCH 202 5242880-9437183",
        "PUT 201 9437184-12582911",
      ]);
      await expectStored(registry, blob);
    });

    it("goes on within the last request as well", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, { resetRequest: { afterBytes: MiB } });
      const blob = new TestBlob(2 * MiB);
      await insist(uploader(registry.url), blob);
      expect(table(registry.requests).slice(2)).toEqual(["GET 204", "PUT 201 1048576-2097151"]);
      await expectStored(registry, blob);
    });

    it.each([[0], [1]])("starts anew rather than guess whether %d bytes came", async (afterBytes) => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, { resetRequest: { afterBytes } });
      const blob = new TestBlob(2 * MiB);
      await insist(uploader(registry.url), blob);
      expect(table(registry.requests).slice(2)).toEqual(["GET 204", "POST 202", "DELETE 204", "PUT 201"]);
      await expectStored(registry, blob);
    });

    it("only finishes what has come as a whole", async () => {
      const registry = await lab.registry();
      const blob = new TestBlob(2 * MiB);
      registry.fault({ method: "PUT" }, { resetRequest: { afterBytes: blob.size } });
      await insist(uploader(registry.url), blob);
      expect(table(registry.requests).slice(2)).toEqual(["GET 204", "PUT 201"]);
      expect(registry.requests.at(-1)?.headers["content-length"]).toBe("0");
      await expectStored(registry, blob);
    });

    it("finds a blob whose last answer was lost", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, { reset: true });
      const blob = new TestBlob(2 * MiB);
      await insist(uploader(registry.url), blob);
      expect(table(registry.requests).slice(2)).toEqual(["GET 404", "HEAD 200"]);
      await expectStored(registry, blob);
    });

    it("starts anew when the session is gone", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PATCH" }, { resetRequest: { afterBytes: 3 * MiB } });
      registry.fault({ method: "GET" }, { status: 404 });
      const seen: number[] = [];
      const blob = new TestBlob(8 * MiB);
      let session: UploadSession | undefined;
      const upload = uploader(registry.url);
      await upload(blob, {
        onSession: (newest) => {
          session = newest;
        },
      }).catch(() => {});
      await upload(blob, { session, onBytes: (bytes) => seen.push(bytes) });
      expect(seen[0]).toBe(0);
      expect(table(registry.requests).slice(2, 5)).toEqual(["GET 404", "HEAD 404", "POST 202"]);
      expect(registry.blobs(REPOSITORY)).toEqual([blob.digest]);
    });
  });

  describe("when the registry would have it otherwise", () => {
    it("asks for the offset after a 416 and goes on there", async () => {
      const registry = await lab.use(LossyRegistry.start({ keepBytes: 3 * MiB, silent: true }));
      const blob = new TestBlob(12 * MiB);
      await uploader(registry.url)(blob);
      expect(registry.finished).toEqual([blob.digest]);
      expect(registry.log.slice(0, 5)).toEqual([
        "POST 202",
        "PATCH 202 0-4194303",
        "PATCH 416 4194304-8388607",
        "GET 204",
        "PATCH 202 3145728-7340031",
      ]);
    });

    it("follows a registry that took a part of a chunk", async () => {
      const registry = await lab.use(LossyRegistry.start({ keepBytes: 3 * MiB }));
      const blob = new TestBlob(12 * MiB);
      await uploader(registry.url)(blob);
      expect(registry.finished).toEqual([blob.digest]);
      expect(registry.log.slice(1, 4)).toEqual([
        "PATCH 202 0-4194303",
        "GET 204",
        "PATCH 202 3145728-7340031",
      ]);
    });

    it("sends one body where a chunk is out of range although the offset is right", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PATCH", after: 1 }, { status: 416 });
      const blob = new TestBlob(9 * MiB);
      await uploader(registry.url)(blob);
      expect(table(registry.requests).slice(2)).toEqual([
        "PATCH 416 4194304-8388607",
        "GET 204",
        "POST 202",
        "DELETE 204",
        "PUT 201",
      ]);
      await expectStored(registry, blob);
    });

    it("starts anew when the session is forgotten in the middle", async () => {
      const registry = await lab.registry();
      const body = { errors: [{ code: "BLOB_UPLOAD_UNKNOWN", message: "blob upload unknown to registry" }] };
      registry.fault({ method: "PATCH", after: 1 }, { status: 404, body });
      const blob = new TestBlob(12 * MiB);
      await uploader(registry.url)(blob);
      expect(table(registry.requests)).toEqual([
        "POST 202",
        "PATCH 202 0-4194303",
        "PATCH 404 4194304-8388607",
        "POST 202",
        "PATCH 202 0-4194303",
        "PATCH 202 4194304-8388607",
        "PUT 201 8388608-12582911",
      ]);
    });

    it("gives up on a registry that forgets every session", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT", times: Number.POSITIVE_INFINITY }, { status: 404 });
      await expect(uploader(registry.url)(new TestBlob(10))).rejects.toMatchObject({ httpStatus: 404 });
      expect(registry.requests.filter(({ method }) => method === "PUT")).toHaveLength(7);
    });

    it("sends smaller bodies where they are too large, and remembers it", async () => {
      const registry = await lab.registry();
      const tooLarge = ({ headers }: RequestRecord): boolean => Number(headers["content-length"]) > 2 * MiB;
      registry.fault({ when: tooLarge, times: Number.POSITIVE_INFINITY }, { status: 413 });
      const upload = uploader(registry.url);
      const [first, second] = [new TestBlob(3 * MiB), new TestBlob(3 * MiB, { seed: "other" })];
      await upload(first);
      await upload(second);
      expect(registry.requests.filter(({ status }) => status === 413)).toHaveLength(1);
      await expectStored(registry, first);
      await expectStored(registry, second);
    });

    it("throws a 413 that no size helps against", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT", times: Number.POSITIVE_INFINITY }, { status: 413, body: "too large" });
      registry.fault(
        { method: "PATCH", times: Number.POSITIVE_INFINITY },
        { status: 413, body: "too large" },
      );
      await expect(uploader(registry.url)(new TestBlob(5 * MiB))).rejects.toMatchObject({
        httpStatus: 413,
        retryable: false,
        message: expect.stringContaining("too large"),
      });
    });

    it.each([
      ["refuses it", {}, { status: 405 }],
      ["does not count on", { statusStatus: 404 }, { setHeaders: { range: "0-0" } }],
      ["counts further", { statusStatus: 404 }, { setHeaders: { range: "0-99999999" } }],
    ])("sends one body to a registry that %s after a chunk, and remembers it", async (_, upload, action) => {
      const registry = await lab.registry({ habits: { upload } });
      registry.fault({ method: "PATCH", times: Number.POSITIVE_INFINITY }, action);
      const send = uploader(registry.url);
      const [first, second] = [new TestBlob(9 * MiB), new TestBlob(9 * MiB, { seed: "other" })];
      await send(first);
      await send(second);
      expect(registry.requests.filter(({ method }) => method === "PATCH")).toHaveLength(1);
      await expectStored(registry, first);
      await expectStored(registry, second);
    });

    it.each([
      ["says", 204],
      ["does not say", 404],
    ])(
      "goes by what was sent where answers tell the first chunk alone, and the session %s more",
      async (_, status) => {
        const habits = { upload: { patchRange: "first part", statusStatus: status } } as const;
        const registry = await lab.registry({ habits });
        const blob = new TestBlob(14 * MiB);
        await uploader(registry.url)(blob);
        expect(table(registry.requests)).toEqual([
          "POST 202",
          "PATCH 202 0-4194303",
          "PATCH 202 4194304-8388607",
          `GET ${status}`,
          "PATCH 202 8388608-12582911",
          `GET ${status}`,
          "PUT 201 12582912-14680063",
        ]);
        await expectStored(registry, blob);
      },
    );

    it("sends a body before the last request where a session begins with one, and remembers it", async () => {
      const registry = await lab.registry({ habits: { upload: { putWhole: false } } });
      const send = uploader(registry.url);
      await send(new TestBlob(10));
      await send(new TestBlob(20, { seed: "other" }));
      expect(table(registry.requests).filter((line) => !line.startsWith("POST"))).toEqual([
        "PUT 404",
        "DELETE 204",
        "PATCH 202 0-9",
        "PUT 201",
        "PATCH 202 0-19",
        "PUT 201",
      ]);
    });

    it("does not take a missing range for a lost chunk", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PATCH", times: Number.POSITIVE_INFINITY }, { omitHeaders: ["range"] });
      await uploader(registry.url)(new TestBlob(9 * MiB));
      expect(registry.requests.filter(({ method }) => method === "PATCH")).toHaveLength(2);
    });
  });

  it("leaves the session new when the request that would use it is held back", async () => {
    const registry = await lab.registry();
    const target = {
      repository: lab.session(registry.url),
      sizes: new BodySizes(new BodyLimit(4 * MiB, 4 * MiB)),
    };
    const heldBack = new ErrUnavailable("not sent", {
      endpoint: registry.url,
      notSent: true,
      retryAfterMs: 1,
    });
    const blob = new TestBlob(10);
    let session: UploadSession | undefined;
    const onSession = (newest: UploadSession): void => {
      session = newest;
    };
    const send = vi.spyOn(target.repository, "send");
    send.mockImplementation(async (request, expected) => {
      if (request.method === "PUT") throw heldBack;
      return await RepositorySession.prototype.send.call(target.repository, request, expected);
    });
    await expect(new BlobUpload(target, blob, { onSession }).run()).rejects.toBe(heldBack);
    send.mockRestore();
    await new BlobUpload(target, blob, { session, onSession }).run();
    expect(table(registry.requests)).toEqual(["POST 202", "PUT 201"]);
  });

  describe("fails with", () => {
    it.each([
      ["401", { status: 401 }, { name: "ErrUnauthenticated", retryable: false }],
      ["403", { status: 403 }, { name: "ErrPermissionDenied", retryable: false }],
      [
        "429",
        { status: 429, headers: { "retry-after": "7" } },
        { name: "ErrResourceExhausted", retryable: true, retryAfterMs: 7_000 },
      ],
      [
        "500",
        { status: 500, body: { errors: [{ code: "UNKNOWN", message: "no room left in the yard" }] } },
        { name: "ErrInternal", retryable: true, message: "unknown: no room left in the yard" },
      ],
      ["503", { status: 503 }, { name: "ErrUnavailable", retryable: true }],
      [
        "DIGEST_INVALID",
        { status: 400, body: { errors: [{ code: "DIGEST_INVALID", message: "did not match" }] } },
        { name: "ErrInvalidArgument", retryable: false, message: "digest invalid: did not match" },
      ],
      [
        "SIZE_INVALID",
        { status: 400, body: { errors: [{ code: "SIZE_INVALID", message: "not so long" }] } },
        { name: "ErrInvalidArgument", retryable: false, registryCode: "SIZE_INVALID" },
      ],
    ])("what the registry says when it refuses to finish (%s)", async (_, action, expected) => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, action);
      const failed = uploader(registry.url)(new TestBlob(10));
      await expect(failed).rejects.toMatchObject({
        ...expected,
        httpStatus: action.status,
        endpoint: registry.url,
      });
      const asked = action.status === 401 ? ["GET 200"] : []; // it may have to be known who asks, which only /v2/ would say
      expect(table(registry.requests)).toEqual(["POST 202", `PUT ${action.status}`, ...asked]);
    });

    it("an error that can be repeated from where it was, after a 500 to the last request", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "PUT" }, { status: 500 });
      const blob = new TestBlob(6 * MiB);
      expect(await insist(uploader(registry.url), blob)).toHaveLength(1);
      expect(table(registry.requests).slice(3)).toEqual(["GET 204", "PUT 201 4194304-6291455"]);
      await expectStored(registry, blob);
    });

    it("ErrInvalidArgument when the bytes are not the digest's", async () => {
      const registry = await lab.registry();
      const blob = new TestBlob(1_000);
      const { digest } = new TestBlob(1_000, { seed: "other" });
      const liar = { digest, size: blob.size, read: () => blob.read(0) };
      await expect(uploader(registry.url)(liar)).rejects.toMatchObject({
        name: "ErrInvalidArgument",
        registryCode: "DIGEST_INVALID",
      });
      expect(registry.blobs(REPOSITORY)).toEqual([]);
    });

    it.each([404, 413, 416])(
      "what its source says, and takes no %d of that for an answer",
      async (httpStatus) => {
        const registry = await lab.registry();
        const blob = new TestBlob(6 * MiB);
        const failure = new ErrUnavailable("the source has other worries", { httpStatus });
        const source: BlobSource = {
          digest: blob.digest,
          size: blob.size,
          async *read(offset, end) {
            yield* blob.read(offset, Math.min(end ?? blob.size, 5 * MiB));
            if (end === blob.size) throw failure;
          },
        };
        await expect(uploader(registry.url)(source)).rejects.toBe(failure);
        const [opened, first, ...others] = table(registry.requests);
        expect([opened, first]).toEqual(["POST 202", "PATCH 202 0-4194303"]);
        expect(others.filter((request) => !request.startsWith("PUT cut"))).toEqual([]);
      },
    );

    it("ErrDataLoss when the registry says that it stored something else", async () => {
      const registry = await lab.registry();
      const { digest: other } = new TestBlob(5);
      registry.fault({ method: "PUT" }, { setHeaders: { "docker-content-digest": other } });
      const blob = new TestBlob(10);
      await expect(uploader(registry.url)(blob)).rejects.toMatchObject({
        name: "ErrDataLoss",
        message: `PUT ${registry.url}: stored ${other}, wanted ${blob.digest}`,
      });
    });

    it("ErrCanceled when the signal fires, and leaves neither socket nor reader behind", async () => {
      const registry = await lab.registry();
      const blob = new TestBlob(8 * MiB);
      const controller = new AbortController();
      const failed = uploader(registry.url)(blob, {
        signal: controller.signal,
        onBytes: (bytes) => bytes > MiB && controller.abort(),
      });
      await expect(failed).rejects.toBeInstanceOf(ErrCanceled);
      await registry.waitFor(({ method }) => method === "PATCH", { finished: true });
      expect(blob.openReaders).toBe(0);
      expect(table(registry.requests)).toHaveLength(2);
    });
  });
});
