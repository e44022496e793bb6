import { once } from "node:events";
import { createServer } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HttpRequest } from "../../../src/registry/http/send.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { seededBytes, selfSigned } from "../../../src/testing.ts";

const BLOB = Buffer.from(seededBytes("http2")(0, 3_000_000));

let server: Http2SecureServer;
let transport: Transport;
let origin: string;
let tls: { ca: string[] };
/** TLS connections that were begun, and what was asked over those that stood. */
let handshakes: number;
let asked: string[];

function answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
  asked.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`);
  if (request.url === "/reset") {
    response.writeHead(200, { "content-length": String(BLOB.length) });
    response.write(BLOB.subarray(0, 1_000), () => response.stream.close(2));
    return;
  }
  if (request.method === "GET") response.writeHead(200, { "content-length": String(BLOB.length) }).end(BLOB);
  else if (request.method === "HEAD") response.writeHead(200, { "content-length": "7" }).end();
  else void buffer(request).then((body) => response.writeHead(201).end(String(body.length)));
}

beforeEach(async () => {
  const { key, cert } = selfSigned();
  tls = { ca: [cert] };
  handshakes = 0;
  asked = [];
  server = createSecureServer({ key, cert, allowHTTP1: false }, answer);
  server.on("connection", () => handshakes++);
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  transport = createTransport();
});

afterEach(async () => {
  await transport.close();
  server.close();
});

/** A CONNECT proxy that takes every name for this machine. */
async function startTunnels() {
  const targets: string[] = [];
  const proxy = createServer();
  proxy.on("connect", ({ url = "" }, socket: Socket) => {
    targets.push(url);
    const behind = connect(Number(url.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(behind).pipe(socket);
    });
    behind.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("error", () => {}).on("close", () => behind.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    targets,
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

const send = (parts: Partial<HttpRequest>, path = "/blob") =>
  transport.send({ method: "GET", url: origin + path, tls, ...parts });

describe("a server that speaks nothing but HTTP/2", () => {
  it("is read from", async () => {
    const response = await send({});
    const chunks: Uint8Array[] = [];
    await response.body.pipeTo((chunk) => void chunks.push(Uint8Array.from(chunk)));
    expect([response.status, Buffer.concat(chunks).equals(BLOB)]).toEqual([200, true]);
    const head = await send({ method: "HEAD" });
    await head.body.discard();
    expect([head.status, head.headers["content-length"]]).toEqual([200, "7"]);
    expect(asked).toEqual(["GET /blob HTTP/2.0", "HEAD /blob HTTP/2.0"]);
  });

  it("is asked for HTTP/1.1 once", async () => {
    for (let times = 0; times < 3; times++) await (await send({})).body.bytes(BLOB.length);
    await Promise.all([1, 2, 3].map(async () => await (await send({})).body.bytes(BLOB.length)));
    expect(asked).toHaveLength(6);
    expect(handshakes).toBe(4); // one in vain, and one for each of those at the same time
  });

  it("is written to, from memory and from a stream", async () => {
    const body = {
      lengthBytes: BLOB.length,
      async *open() {
        for (let at = 0; at < BLOB.length; at += 100_000) yield BLOB.subarray(at, at + 100_000);
      },
    };
    for (const one of [BLOB, body]) {
      const headers = { "content-length": String(BLOB.length) };
      const response = await send({ method: "PUT", body: one, headers });
      expect(Buffer.from(await response.body.bytes(100)).toString()).toBe(String(BLOB.length));
    }
  });

  it("can break in the middle of a body", async () => {
    const response = await send({}, "/reset");
    await expect(response.body.bytes(BLOB.length)).rejects.toMatchObject({ retryable: true });
    expect((await (await send({})).body.bytes(BLOB.length)).length).toBe(BLOB.length);
  });

  it("is left at once when the signal fires", async () => {
    const controller = new AbortController();
    const response = await send({ signal: controller.signal });
    controller.abort();
    await expect(response.body.bytes(BLOB.length)).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });

  it("is spoken to through a proxy's tunnel, and asked for HTTP/1.1 once", async () => {
    await using proxy = await startTunnels();
    const tunnelled = createTransport({ proxy: { httpsProxy: proxy.url } });
    const { port } = new URL(origin);
    const url = `https://only.test:${port}/blob`;
    for (let times = 0; times < 2; times++) {
      const response = await tunnelled.send({ method: "GET", url, tls: { skipVerify: true } });
      expect((await response.body.bytes(BLOB.length)).byteLength).toBe(BLOB.length);
    }
    const headers = { "content-length": "3" };
    const put = await tunnelled.send({ method: "PUT", url, tls: { skipVerify: true }, body: "abc", headers });
    expect(Buffer.from(await put.body.bytes(100)).toString()).toBe("3");
    await expect(tunnelled.send({ method: "GET", url })).rejects.toMatchObject({ retryable: false });
    await tunnelled.close();
    expect(asked).toEqual(["GET /blob HTTP/2.0", "GET /blob HTTP/2.0", "PUT /blob HTTP/2.0"]);
    expect(new Set(proxy.targets)).toEqual(new Set([`only.test:${port}`]));
    expect(proxy.targets).toHaveLength(4); // one in vain and one for all, and the same for who trusts nobody
  });

  it("is refused without its authority", async () => {
    await expect(send({ tls: undefined })).rejects.toMatchObject({ retryable: false });
  });
});
