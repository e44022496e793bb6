/**
 * A registry with one image of large layers: `registry-child.ts <layers> <files> <bytes of a file>`. Prints its port. The bytes of
 * a layer are made while they are sent, of gzip members that are the same for all files: they take no memory and next to no time.
 */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { recordsOf } from "../../test/tar/support/tar-writer.ts";
import { digestOf } from "../support/image.ts";

const REPOSITORY = "bench/large";

/** Bytes that one write gives to a socket. */
const PIECE_BYTES = 1024 * 1024;

const [layers = 0, files = 0, fileBytes = 0] = process.argv.slice(2).map(Number);

interface Part {
  readonly plain: Buffer;
  readonly packed: Buffer;
}

const content = partOf(halfRandom(fileBytes));
const END = partOf(Buffer.alloc(1024));

/** Bytes that gzip makes half as many of. */
function halfRandom(bytes: number): Buffer {
  const words = Buffer.alloc(bytes);
  let state = 1;
  for (let at = 0; at < bytes; at++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7f_ff_ff_ff;
    words[at] = 0x60 | ((state >> 16) & 0x0f);
  }
  return words;
}

function partOf(plain: Buffer): Part {
  return { plain, packed: gzipSync(plain, { level: 1 }) };
}

function headOf(layer: number, file: number): Part {
  const [header = Buffer.alloc(0)] = recordsOf({ name: `layer-${layer}/file-${file}`, size: fileBytes });
  return partOf(header);
}

interface Layer {
  readonly parts: readonly Part[];
  readonly digest: string;
  readonly diffId: string;
  readonly size: number;
}

const made = Array.from({ length: layers }, (_, layer): Layer => {
  const parts = [...Array.from({ length: files }, (__, file) => [headOf(layer, file), content]).flat(), END];
  const [blob, archive] = [createHash("sha256"), createHash("sha256")];
  let size = 0;
  for (const { plain, packed } of parts) {
    archive.update(plain);
    blob.update(packed);
    size += packed.length;
  }
  return { parts, size, digest: `sha256:${blob.digest("hex")}`, diffId: `sha256:${archive.digest("hex")}` };
});

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const config = Buffer.from(
  JSON.stringify({
    os: "linux",
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    config: {},
    rootfs: { type: "layers", diff_ids: made.map(({ diffId }) => diffId) },
  }),
);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(config),
      size: config.length,
    },
    layers: made.map(({ digest, size }) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest,
      size,
    })),
  }),
);

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
  const [, kind, reference = ""] = /\/(manifests|blobs)\/([^/?]+)/.exec(request.url ?? "") ?? [];
  const layer = made.find(({ digest }) => digest === reference);
  if (kind === "blobs" && layer) return void sendLayer(layer, response);
  const body = kind === "manifests" ? manifest : config;
  response.writeHead(200, {
    "content-type": kind === "manifests" ? MANIFEST : "application/octet-stream",
    "content-length": body.length,
    "docker-content-digest": digestOf(body),
  });
  return void response.end(request.method === "HEAD" ? undefined : body);
});

async function sendLayer({ parts, size }: Layer, response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
  await pipeline(Readable.from(piecesOf(parts)), response).catch(() => {}); // whoever broke off knows it
}

function* piecesOf(parts: readonly Part[]): Generator<Buffer> {
  for (const { packed } of parts) {
    for (let at = 0; at < packed.length; at += PIECE_BYTES) yield packed.subarray(at, at + PIECE_BYTES);
  }
}

process.stdin.resume().on("end", () => process.exit()); // whoever started it has ended
server.listen(0, "127.0.0.1", () =>
  process.stdout.write(`127.0.0.1:${(server.address() as AddressInfo).port}/${REPOSITORY}:v1\n`),
);
