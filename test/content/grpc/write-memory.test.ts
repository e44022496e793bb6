import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WriteAction, WriteContentRequestSchema } from "../../../src/content/grpc/content_pb.ts";
import { contentMethods } from "../../../src/content/grpc/content-methods.ts";
import { until } from "../../distribution/support/until.ts";
import type { Look } from "./support/slow-child.ts";

const MIB = 1_048_576;
const WRITERS = 200;
const DATA = Buffer.alloc(8 * MIB, "x");

/** Memory of the one connection of the test, in megabytes: all that is sent on it may wait there. */
const MOST_SENT_MB = 4_000;

/** What all calls may hold together, what 200 calls leave unread, and what a process takes for its work itself. */
const MOST_BYTES = 64 * MIB + WRITERS * 0.125 * MIB + 64 * MIB;

let folder: string;
let service: ChildProcess;
let session: ClientHttp2Session;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-slow-"));
  const socket = join(folder, "s");
  service = fork(new URL("support/slow-child.ts", import.meta.url), [`unix://${socket}`]);
  await once(service, "message");
  session = connect("http://localhost", {
    createConnection: () => dial(socket),
    maxSessionMemory: MOST_SENT_MB,
  });
});
afterEach(async () => {
  session.destroy();
  service.kill("SIGKILL");
  await once(service, "exit");
  await rm(folder, { recursive: true });
});

async function look(): Promise<Look> {
  service.send("look");
  const [found] = await once(service, "message");
  return found;
}

/** Sends one message of 8 MiB, whose data is in memory once for all. */
function write(ref: string): ClientHttp2Stream {
  const { path } = contentMethods.write;
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const action = toBinary(
    WriteContentRequestSchema,
    create(WriteContentRequestSchema, { action: WriteAction.WRITE, ref }),
  );
  // The tag of field 6, which is the data, and its length of 8 MiB.
  const head = Buffer.concat([action, Buffer.from([0x32, 0x80, 0x80, 0x80, 0x04])]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(head.byteLength + DATA.byteLength, 1);
  stream.write(Buffer.concat([frame, head]));
  stream.end(DATA);
  stream.resume();
  return stream;
}

async function statusOf(stream: ClientHttp2Stream): Promise<unknown> {
  const [trailers] = await once(stream, "trailers");
  return trailers["grpc-status"];
}

it("holds at most 64 MiB of what 200 writers send while the disk is slow, and takes it all in the end", async () => {
  const before = await look();
  const statuses = Array.from({ length: WRITERS }, (_, at) => statusOf(write(`ref-${at}`)));
  let most = 0;
  const watch = async (): Promise<Look> => {
    const now = await look();
    most = Math.max(most, now.rssBytes - before.rssBytes);
    return now;
  };
  await until(async () => (await watch()).writes === 7);
  for (let more = 0; more < 50; more++) expect((await watch()).writes).toBe(7);
  service.send("go");
  expect(new Set(await Promise.all(statuses))).toEqual(new Set(["0"]));
  await watch();
  expect(most).toBeLessThan(MOST_BYTES);
});
