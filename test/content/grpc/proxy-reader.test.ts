import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ReadContentResponseSchema } from "../../../src/content/grpc/content_pb.ts";
import { type ProxyStore, proxyStore } from "../../../src/content/grpc/proxy-store.ts";
import { digestOf } from "../../../src/digest/digest.ts";

/** A service of somebody else's, which answers every call with pieces of a blob and never ends. */
function answerForEver(stream: ServerHttp2Stream): void {
  stream.on("error", () => {}); // the client hangs up
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  const message = toBinary(
    ReadContentResponseSchema,
    create(ReadContentResponseSchema, { data: Buffer.alloc(8) }),
  );
  const frame = Buffer.alloc(5 + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  const goOn = (): void => {
    if (stream.destroyed) return;
    stream.write(frame);
    setImmediate(goOn);
  };
  goOn();
}

const digest = digestOf("endless");
const server = createServer();
let folder: string;
let proxy: ProxyStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-"));
  const path = join(folder, "socket");
  server.on("stream", answerForEver);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  proxy = proxyStore({ address: `unix://${path}` });
});

afterEach(async () => {
  await proxy.close();
  server.close();
  await rm(folder, { recursive: true });
});

it("gives up a range of which more comes than was asked for", async () => {
  const pieces: Uint8Array[] = [];
  const read = async (): Promise<void> => {
    for await (const piece of proxy.stream({ digest }, { offset: 3, size: 20 })) pieces.push(piece);
  };
  await expect(read()).rejects.toMatchObject({
    name: "ErrDataLoss",
    message: `read content ${digest} at 3: got more than 20 bytes`,
    digest,
  });
  expect(pieces.map(({ byteLength }) => byteLength)).toEqual([8, 8]);
});
