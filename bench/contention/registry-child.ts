/** The registries of the bench. Prints their hosts as JSON, and on each line of its input what was asked since. */
import { type Handle, ImageServer } from "../support/image-server.ts";
import { BROKEN_LAYER, images } from "./scene.ts";

const server = new ImageServer(images());

/** One layer breaks, always. */
const broken: Handle = (request, response) => {
  if (request.method !== "GET" || !request.url?.endsWith(BROKEN_LAYER))
    return server.honest(request, response);
  server.count("GET broken");
  response.writeHead(500).end();
};

const busy: Handle = (_request, response) => {
  response.writeHead(429, { "retry-after": "30" }).end();
};

/** Sends half of a blob and then nothing, as long as somebody listens. */
const stuck: Handle = (request, response) => {
  const blob = server.blobOf(request);
  if (!blob) return server.honest(request, response);
  server.count("GET stuck");
  response.writeHead(200, { "content-length": blob.length });
  response.write(blob.subarray(0, blob.length >> 1));
};

await server.serve({
  healthy: await server.listen(server.honest),
  broken: await server.listen(broken),
  busy: await server.listen(busy),
  stuck: await server.listen(stuck),
});
