/** A registry with one image of many small layers: `registry-child.ts <layers> <bytes>`. Prints its port, and the digests. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf, makeImage } from "../contention/image.ts";

const [layers = 0, layerBytes = 0] = process.argv.slice(2).map(Number);
const {
  repository,
  manifest,
  blobs,
  layers: digests,
} = makeImage({
  repository: "bench/many",
  tag: "v1",
  layerSeeds: Array.from({ length: layers }, (_, at) => `latency ${at}`),
  layerBytes,
});
const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, ({ method, url = "" }, response) => {
  if (url === "/v2/") return void response.writeHead(200, { "content-length": 0 }).end();
  const [, kind, reference = ""] = /\/(manifests|blobs)\/([^/?]+)/.exec(url.replace(repository, "")) ?? [];
  const body = kind === "manifests" ? manifest : blobs.get(reference);
  if (!body) return void response.writeHead(404).end();
  const type =
    kind === "manifests" ? "application/vnd.oci.image.manifest.v1+json" : "application/octet-stream";
  response.writeHead(200, {
    "content-type": type,
    "content-length": body.length,
    "docker-content-digest": digestOf(body),
  });
  return void response.end(method === "HEAD" ? undefined : body);
});
server.listen(0, "127.0.0.1", () =>
  process.stdout.write(`${(server.address() as AddressInfo).port}\n${digests.join(" ")}\n`),
);
