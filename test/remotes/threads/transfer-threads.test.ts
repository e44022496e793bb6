import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { codeOf } from "../../../src/errors/code-of.ts";
import { ErrCanceled, findError, isDataLoss, isUnavailable } from "../../../src/errors.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { OCI_LAYER_GZIP } from "../../../src/oci/media-types.ts";
import type { TlsOptions } from "../../../src/registry/http/tls-options.ts";
import type { ConnectionOptions } from "../../../src/registry/transport/connection-options.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { anonymous, createRegistryClient, endpointSend } from "../../../src/registry.ts";
import { fetchContent } from "../../../src/remotes/fetch.ts";
import { makeRefKey } from "../../../src/remotes/ref-key.ts";
import { RegistryRemote } from "../../../src/remotes/registry-remote.ts";
import { TransferThreads } from "../../../src/remotes/threads/transfer-threads.ts";
import { selfSigned, testAuthority } from "../../../src/testing.ts";
import { DEFAULT_BACKOFF } from "../../../src/xfer.ts";
import { httpServer, httpsServer, type ScriptedServer } from "../../registry/support/raw-server.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";

// These say themselves how a blob moves, whatever a run was told.
vi.unmock("../../../src/remotes/threads/transfer-threads.ts");

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");

const CONTENT = Buffer.alloc(3_000_000, "0123456789abcdef and so on;");
const LAYER: Descriptor = { mediaType: OCI_LAYER_GZIP, digest: digestOf(CONTENT), size: CONTENT.length };
const HALF = 1_500_000;

/** A program of a thread that breaks in the middle of a body. */
const FAILING = new URL("support/failing-worker.ts", import.meta.url);
const NOWHERE = new URL("support/no-such-worker.ts", import.meta.url);

let root: string;
let store: LocalStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-threads-"));
  store = await openLocalStore({ root });
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const keep = closingAfterEach();

const threadsWith = (
  workers: number,
  file?: URL,
  authorities: ConnectionOptions["authorities"] = [],
): TransferThreads => {
  const threads = new TransferThreads({ workers, bytesPerWorker: 0, connection: { authorities }, file });
  keep({ [Symbol.asyncDispose]: () => threads.end() });
  return threads;
};

const transport = (): Transport => {
  const made = createTransport();
  keep({ [Symbol.asyncDispose]: () => made.close() });
  return made;
};

/** What a fetch from `server` works with. */
function fetching(server: ScriptedServer, threads: TransferThreads, tls?: TlsOptions) {
  const endpoint = {
    baseUrl: `${server.origin}/v2`,
    mirror: false,
    credentialHost: new URL(server.origin).host,
    ...(tls && { tls }),
  } as Parameters<typeof endpointSend>[0]["endpoint"];
  const send = endpointSend({ endpoint, credentials: anonymous, send: transport().send });
  const client = createRegistryClient({ endpoint, repository: "team/app", send });
  const remote = new RegistryRemote(client, { endpoint, backoff: DEFAULT_BACKOFF });
  return { fetcher: remote, ingester: store, endpoint: remote.endpoint, threads };
}

/** Answers with the content, or with the part of it that is asked for. */
function serve(request: IncomingMessage, response: ServerResponse, bytes: Buffer = CONTENT): void {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const headers = { "content-length": bytes.length - from };
  const range = { ...headers, "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from > 0 ? 206 : 200, from > 0 ? range : headers);
  response.end(bytes.subarray(from));
}

/** Sends the first half, and breaks off; later requests are served. */
function breakingOnce(asked: string[] = []): Promise<ScriptedServer> {
  return httpServer((request, response) => {
    asked.push(request.headers.range ?? "whole");
    if (asked.length > 1) return serve(request, response);
    response.writeHead(200, { "content-length": CONTENT.length });
    response.write(CONTENT.subarray(0, HALF), () => response.destroy());
    return undefined;
  });
}

const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error as Error,
  );

const stored = async (): Promise<Buffer> =>
  Buffer.from(await readBlob(store, LAYER, { maxBytes: CONTENT.length }));

describe.each([{ workers: 0 }, { workers: 2 }])("a blob, by $workers threads", ({ workers }) => {
  it("comes, is verified and committed, and tells how far it is", async () => {
    const server = keep(await httpServer((request, response) => serve(request, response)));
    const reached: number[] = [];
    const arrivals: unknown[] = [];
    const context = fetching(server, threadsWith(workers));
    const told = { onBytes: (n: number) => reached.push(n), onArrival: (one: unknown) => arrivals.push(one) };
    expect(await fetchContent(LAYER, { ...context, ...told })).toBe(true);
    expect((await stored()).equals(CONTENT)).toBe(true);
    expect(reached[0]).toBe(0);
    expect(reached.at(-1)).toBe(CONTENT.length);
    expect(reached).toEqual(reached.toSorted((a, b) => a - b));
    expect(arrivals).toEqual([{ from: 0, to: CONTENT.length }]);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("goes on where the connection broke, and reads what is there", async () => {
    const asked: string[] = [];
    const context = fetching(keep(await breakingOnce(asked)), threadsWith(workers));
    const error = await failureOf(fetchContent(LAYER, context));
    expect(isUnavailable(error) && findError(error)?.retryable).toBe(true);
    expect(findError(error)?.endpoint).toBe(context.endpoint);
    const { offset } = await store.status(makeRefKey(LAYER));
    expect(offset).toBeGreaterThan(0);
    await fetchContent(LAYER, context);
    expect(asked).toEqual(["whole", `bytes=${offset}-`]);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("passes over what is there where the whole comes again", async () => {
    let requests = 0;
    const server = keep(
      await httpServer((_, response) => {
        response.writeHead(200, { "content-length": CONTENT.length });
        requests++;
        if (requests === 1) response.write(CONTENT.subarray(0, HALF), () => response.destroy());
        else response.end(CONTENT);
      }),
    );
    const context = fetching(server, threadsWith(workers));
    await failureOf(fetchContent(LAYER, context));
    await fetchContent(LAYER, context);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("is thrown away when it is another one, and comes from the start then", async () => {
    const wrong = Buffer.from(CONTENT).fill("x", 100, 200);
    const bytes = [wrong, CONTENT];
    const server = keep(await httpServer((request, response) => serve(request, response, bytes.shift())));
    const context = fetching(server, threadsWith(workers));
    const error = await failureOf(fetchContent(LAYER, context));
    expect(isDataLoss(error)).toBe(true);
    expect(findError(error)?.endpoint).toBe(context.endpoint);
    expect((await store.status(makeRefKey(LAYER))).offset).toBe(0);
    await fetchContent(LAYER, context);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("keeps no byte of one that is too long", async () => {
    const long = Buffer.concat([CONTENT, Buffer.from("more")]);
    const server = keep(
      await httpServer((_, response) => {
        response.writeHead(200); // no length: what is too much shows only when it comes
        response.end(long);
      }),
    );
    const context = fetching(server, threadsWith(workers));
    const error = await failureOf(fetchContent(LAYER, context));
    expect(error.message).toBe(`fetch ${LAYER.digest}: got more than the ${LAYER.size} bytes wanted`);
    expect(findError(error)?.endpoint).toBe(context.endpoint);
    expect((await store.status(makeRefKey(LAYER))).offset).toBe(0);
  });

  it("keeps what came of one that is too short", async () => {
    const server = keep(
      await httpServer((_, response) => {
        response.writeHead(200);
        response.end(CONTENT.subarray(0, HALF));
      }),
    );
    const error = await failureOf(fetchContent(LAYER, fetching(server, threadsWith(workers))));
    expect(error.message).toBe(`fetch ${LAYER.digest}: got ${HALF} bytes, wanted ${LAYER.size}`);
    expect(findError(error)?.retryable).toBe(true);
    expect((await store.status(makeRefKey(LAYER))).offset).toBe(HALF);
  });

  it("is left at once when nobody wants it any more, and keeps what came", async () => {
    const server = keep(
      await httpServer((_, response) => {
        response.writeHead(200, { "content-length": CONTENT.length });
        response.write(CONTENT.subarray(0, HALF));
      }),
    );
    const controller = new AbortController();
    const { signal } = controller;
    const onBytes = (bytes: number): void => {
      if (bytes === HALF) controller.abort();
    };
    const context = { ...fetching(server, threadsWith(workers)), signal, onBytes };
    expect(await failureOf(fetchContent(LAYER, context))).toBeInstanceOf(ErrCanceled);
    expect((await store.status(makeRefKey(LAYER))).offset).toBe(HALF);
    while (server.sockets.size > 0) await setImmediate();
  });

  it("comes decoded where a proxy has put a coding on it", async () => {
    const { gzipSync } = await import("node:zlib");
    const server = keep(
      await httpServer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip" });
        response.end(gzipSync(CONTENT));
      }),
    );
    await fetchContent(LAYER, fetching(server, threadsWith(workers)));
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("is refused in the registry's own words", async () => {
    const server = keep(
      await httpServer((_, response) => {
        response.writeHead(403, { "content-type": "application/json" });
        response.end(JSON.stringify({ errors: [{ code: "DENIED", message: "not yours" }] }));
      }),
    );
    const error = await failureOf(fetchContent(LAYER, fetching(server, threadsWith(workers))));
    expect(findError(error)).toMatchObject({ httpStatus: 403, registryCode: "DENIED" });
  });

  it("follows a redirect", async () => {
    const storage = keep(await httpServer((request, response) => serve(request, response)));
    const server = keep(
      await httpServer((_, response) => {
        response.writeHead(307, { location: `${storage.origin}/blob` });
        response.end();
      }),
    );
    await fetchContent(LAYER, fetching(server, threadsWith(workers)));
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("comes over TLS with an authority and a client certificate of its own", async () => {
    const seen: boolean[] = [];
    const server = keep(
      await httpsServer(
        {
          cert: pem("server.pem"),
          key: pem("server.key"),
          ca: pem("ca.pem"),
          requestCert: true,
          rejectUnauthorized: true,
        },
        (request, response) => {
          seen.push("authorized" in request.socket && request.socket.authorized === true);
          serve(request, response);
        },
      ),
    );
    const tls = { ca: [pem("ca.pem")], cert: pem("client.pem"), key: pem("client.key") };
    await fetchContent(LAYER, fetching(server, threadsWith(workers), tls));
    expect(seen).toEqual([true]);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("comes over TLS with the one of several client certificates that the server takes", async () => {
    const authority = testAuthority();
    const server = keep(
      await httpsServer(
        { ...selfSigned(), ca: authority.cert, requestCert: true, maxVersion: "TLSv1.2" },
        (request, response) => serve(request, response),
      ),
    );
    const pairs = [testAuthority().issue([]), authority.issue([])];
    const cert = pairs.map((pair) => pair.cert);
    const tls = { skipVerify: true, cert, key: pairs.map((pair) => pair.key) };
    await fetchContent(LAYER, fetching(server, threadsWith(workers), tls));
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("fails with the code that says what has happened", async () => {
    const server = keep(await httpServer((request) => void request.socket.destroy()));
    const error = await failureOf(fetchContent(LAYER, fetching(server, threadsWith(workers))));
    expect(codeOf(error.cause)).toMatch(/^(?:UND_ERR_SOCKET|ECONNRESET)$/);
  });

  it("is not taken from a server that nobody vouches for", async () => {
    const server = keep(
      await httpsServer({ cert: pem("server.pem"), key: pem("server.key") }, (request, response) =>
        serve(request, response),
      ),
    );
    const error = await failureOf(fetchContent(LAYER, fetching(server, threadsWith(workers))));
    expect(error.message).toContain("certificate not trusted");
    expect(findError(error)?.retryable).toBe(false);
  });
});

it("a thread is told the authorities once there is a certificate to check, and once", async () => {
  const server = keep(
    await httpsServer({ cert: pem("server.pem"), key: pem("server.key") }, (request, response) =>
      serve(request, response),
    ),
  );
  let reads = 0;
  const threads = threadsWith(1, undefined, () => {
    reads++;
    return [pem("ca.pem")];
  });
  await fetchContent(LAYER, fetching(server, threads, { skipVerify: true }));
  expect(reads).toBe(0);
  for (let time = 0; time < 2; time++) {
    await store.delete(LAYER.digest);
    await fetchContent(LAYER, fetching(server, threads));
  }
  expect(reads).toBe(1);
  expect((await stored()).equals(CONTENT)).toBe(true);
});

it("a thread is told the authorities once they can be had, and nothing is sent before", async () => {
  const server = keep(
    await httpsServer({ cert: pem("server.pem"), key: pem("server.key") }, (request, response) =>
      serve(request, response),
    ),
  );
  let isThere = false;
  const threads = threadsWith(1, undefined, () => {
    if (isThere) return [pem("ca.pem")];
    throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
  });
  const context = fetching(server, threads);
  const error = await failureOf(fetchContent(LAYER, context));
  expect(findError(error)).toMatchObject({ code: "ERR_UNAVAILABLE", retryable: true });
  expect(server.connections()).toBe(0);
  isThere = true;
  await fetchContent(LAYER, context);
  expect((await stored()).equals(CONTENT)).toBe(true);
});

it("a thread trusts what this one was told to trust in the place of Node's own authorities", async () => {
  const server = keep(
    await httpsServer({ cert: pem("server.pem"), key: pem("server.key") }, (request, response) =>
      serve(request, response),
    ),
  );
  const own = getCACertificates("default");
  setDefaultCACertificates([pem("ca.pem")]);
  try {
    await fetchContent(LAYER, fetching(server, threadsWith(1)));
  } finally {
    setDefaultCACertificates(own);
  }
  expect((await stored()).equals(CONTENT)).toBe(true);
});

it.each([{}, { skipVerify: true }])(
  "a thread speaks no older TLS than this one was told to: %j",
  async (more) => {
    const server = keep(
      await httpsServer(
        { cert: pem("server.pem"), key: pem("server.key"), maxVersion: "TLSv1.2" },
        (request, response) => serve(request, response),
      ),
    );
    const tls = process.getBuiltinModule("node:tls");
    const { DEFAULT_MIN_VERSION } = tls;
    Object.assign(tls, { DEFAULT_MIN_VERSION: "TLSv1.3" });
    try {
      const context = fetching(server, threadsWith(1), { ca: [pem("ca.pem")], ...more });
      expect((await failureOf(fetchContent(LAYER, context))).message).toContain("TLS");
    } finally {
      Object.assign(tls, { DEFAULT_MIN_VERSION });
    }
  },
);

describe("a thread that dies", () => {
  it("fails its transfers retryably, blames no endpoint, and leaves what is on the disk", async () => {
    const asked: string[] = [];
    const server = keep(
      await httpServer((request, response) => {
        asked.push(request.headers.range ?? "whole");
        serve(request, response);
      }),
    );
    const context = fetching(server, threadsWith(1, FAILING));
    const error = await failureOf(fetchContent(LAYER, context));
    expect(isUnavailable(error)).toBe(true);
    expect(findError(error)).toMatchObject({ retryable: true });
    expect(findError(error)?.endpoint).toBeUndefined();
    const { offset } = await store.status(makeRefKey(LAYER));
    expect(offset).toBeGreaterThan(0);
    await fetchContent(LAYER, { ...context, threads: threadsWith(1) });
    expect(asked).toEqual(["whole", `bytes=${offset}-`]);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("is followed by another one", async () => {
    const server = keep(await httpServer((request, response) => serve(request, response)));
    const context = fetching(server, threadsWith(1, FAILING));
    let attempts = 0;
    for (let isHere = false; !isHere; attempts++) {
      isHere = await fetchContent(LAYER, context).catch(() => false);
      expect(attempts).toBeLessThan(100);
    }
    expect(attempts).toBeGreaterThan(1);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("before it has begun is the last one", async () => {
    const server = keep(await httpServer((request, response) => serve(request, response)));
    const context = fetching(server, threadsWith(2, NOWHERE));
    expect(findError(await failureOf(fetchContent(LAYER, context)))).toMatchObject({ retryable: true });
    await fetchContent(LAYER, context);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });
});

describe("TransferThreads", () => {
  it("are none for little that is on its way, and as many as it is worth", async () => {
    const threads = new TransferThreads({ workers: 2, bytesPerWorker: 10_000_000, connection: {} });
    keep({ [Symbol.asyncDispose]: () => threads.end() });
    const shares = Array.from({ length: 5 }, () => threads.take(9_000_000));
    const [first, second, third, fourth, fifth] = shares.map(({ thread }) => thread);
    expect([first, second]).toEqual([undefined, undefined]);
    expect(third).toBeDefined();
    expect(fourth).not.toBe(third);
    expect(new Set([third, fourth])).toContain(fifth);
    for (const share of shares) share[Symbol.dispose]();
    expect(threads.take(1_000).thread).toBeUndefined();
    expect(threads.take(2_000_000).thread).toBeDefined(); // those that run are there for less
  });

  it("leave the caller's thread its part when fewer of them are asked for than there are cores", () => {
    const threads = new TransferThreads({ workers: 1, bytesPerWorker: 10_000_000, connection: {}, cores: 2 });
    keep({ [Symbol.asyncDispose]: () => threads.end() });
    const isElsewhere = Array.from({ length: 6 }, () => threads.take(10_000_000).thread !== undefined);
    expect(isElsewhere).toEqual([false, true, true, false, true, false]);
  });

  it.each([
    { why: "fewer than there are cores", workers: 1, callerIsOne: true },
    { why: "as many as there are cores", workers: 2, callerIsOne: false },
    { why: "no number, so each core has one", workers: undefined, callerIsOne: false },
    { why: "none: whoever wants none does other things", workers: 0, callerIsOne: false },
    { why: "one for each blob at once", workers: 1, bytesPerWorker: 0, callerIsOne: false },
  ])("say whether the caller's thread is one more: $why", ({ callerIsOne, ...options }) => {
    const threads = new TransferThreads({ connection: {}, cores: 2, ...options });
    expect(threads.callerIsOne).toBe(callerIsOne);
  });

  it("are none after the end", async () => {
    const threads = threadsWith(1);
    await threads.end();
    expect(threads.take(1_000_000).thread).toBeUndefined();
  });
});
