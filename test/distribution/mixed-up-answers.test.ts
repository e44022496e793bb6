import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { httpServer } from "../registry/support/raw-server.ts";
import { blobsOn, openEngine } from "./support/engine.ts";

it("an image comes whole through a proxy that mixes up the answers to requests that come together", async () => {
  await using registry = await TestRegistry.start();
  const layers = Array.from({ length: 40 }, (_, at) => 500 + (at % 2));
  const image = await buildImage(registry, "team/app", { tag: "v1", layers });
  let mixed = 0;
  const pending = new Map<unknown, string[]>();
  const answer = async ({ url = "", socket }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const urls = pending.get(socket) ?? [];
    pending.set(socket, urls);
    urls.push(url);
    for (let turn = 0; turn < 5; turn++) await setImmediate(); // to see what comes with it
    const answered = urls.findLast((other) => other.includes("/blobs/")) ?? url;
    if (answered !== url) mixed++;
    const found = await fetch(`${registry.url}${answered}`);
    const body = Buffer.from(await found.arrayBuffer());
    const mediaType = found.headers.get("content-type") ?? "";
    response.writeHead(found.status, { "content-type": mediaType, "content-length": body.length });
    response.end(body);
    urls.splice(urls.indexOf(url), 1);
  };
  await using proxy = await httpServer((request, response) => void answer(request, response));
  await using engine = await openEngine();
  await engine.pull(`${new URL(proxy.origin).host}/team/app:v1`);
  expect(mixed).toBeGreaterThan(0);
  const blobs = [image.descriptor, image.config, ...image.layers.map(({ descriptor }) => descriptor)];
  expect(await blobsOn(engine.root)).toEqual(blobs.map(({ digest }) => digest).toSorted());
});
