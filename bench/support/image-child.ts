/**
 * A registry with one image of layers that do not compress: `image-child.ts <layers> <bytes of a layer> [<pace>]`, where the pace is the
 * JSON of `PaceOptions`. Prints its `host:port`, and the digests of the layers. A layer is one block over and over, so that it takes no
 * memory and next to no time, whatever its size. Answers each line that comes in with the JSON of a `PaceReport`.
 */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pseudoRandom } from "../../test/real/support/pseudo-random.ts";
import { digestOf } from "./image.ts";
import { Pace, type PaceOptions } from "./pace.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** Most bytes of a block: a prime, so that no two ranges that anybody asks for have the same bytes. */
const BLOCK_BYTES = 1_048_573;

const [, , layerCount = "0", size = "0", paceOptions] = process.argv;
const layerBytes = Number(size);
const pace = paceOptions === undefined ? undefined : new Pace(JSON.parse(paceOptions) as PaceOptions);

/** What is served under one digest: `size` bytes of `block` over and over. */
interface Blob {
  readonly block: Buffer;
  readonly size: number;
}

function* piecesOf({ block, size }: Blob, from: number, end = size): Generator<Buffer> {
  for (let at = from; at < end; ) {
    const start = at % block.length;
    const piece = block.subarray(start, Math.min(block.length, start + end - at));
    yield piece;
    at += piece.length;
  }
}

const blobs = new Map<string, Blob>();

function keep(blob: Blob): { readonly digest: string; readonly size: number } {
  const hash = createHash("sha256");
  for (const piece of piecesOf(blob, 0)) hash.update(piece);
  const digest = `sha256:${hash.digest("hex")}`;
  blobs.set(digest, blob);
  return { digest, size: blob.size };
}

const layers = Array.from({ length: Number(layerCount) }, (_, at) => {
  const block = Buffer.concat([...pseudoRandom(`layer ${at}`, Math.min(layerBytes, BLOCK_BYTES))]);
  return { mediaType: "application/vnd.oci.image.layer.v1.tar", ...keep({ block, size: layerBytes }) };
});
const config = Buffer.from(
  JSON.stringify({
    os: "linux",
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  }),
);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      ...keep({ block: config, size: config.length }),
    },
    layers,
  }),
);
const document: Blob = { block: manifest, size: manifest.length };
const manifestDigest = digestOf(manifest);

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
  const { method, url = "", headers } = request;
  if (url === "/v2/") return void response.writeHead(200, { "content-length": 0 }).end();
  const [, kind, reference = ""] = /\/(manifests|blobs)\/([^/?]+)/.exec(url) ?? [];
  const blob = kind === "manifests" ? document : blobs.get(reference);
  if (!blob) return void response.writeHead(404).end();
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
  const from = Number(range?.[1] ?? 0);
  const end = Math.min(blob.size, Number(range?.[2] || blob.size - 1) + 1);
  response.writeHead(range ? 206 : 200, {
    "content-type": kind === "manifests" ? MANIFEST : "application/octet-stream",
    "content-length": end - from,
    "docker-content-digest": kind === "manifests" ? manifestDigest : reference,
    ...(range && { "content-range": `bytes ${from}-${end - 1}/${blob.size}` }),
  });
  if (method === "HEAD") return void response.end();
  const pieces = piecesOf(blob, from, end);
  return void (pace && kind === "blobs" ? pace.send(pieces, response) : send(pieces, response));
});

async function send(pieces: Iterable<Buffer>, response: ServerResponse): Promise<void> {
  await pipeline(Readable.from(pieces), response).catch(() => {}); // whoever broke off knows it
}

server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`127.0.0.1:${port}\n${layers.map(({ digest }) => digest).join(" ")}\n`);
});

for await (const _ of createInterface(process.stdin))
  process.stdout.write(`${JSON.stringify(pace?.report())}\n`);
process.exit(); // whoever started it has ended
