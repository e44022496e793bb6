import { expect, it } from "vitest";
import { type EngineEvent, EngineEvents } from "../../../src/docker-api/catalog/engine-events.ts";
import { ImageCatalog } from "../../../src/docker-api/catalog/image-catalog.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { openEngine } from "../../distribution/support/engine.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";

const keep = closingAfterEach();

it("tells what has happened with the time at which it happened, however long it takes to find out what it was", async () => {
  const registry = keep(await TestRegistry.start());
  await buildImage(registry, "team/app", { tag: "v1", layers: [50] });
  const engine = keep(await openEngine());
  const gate = Promise.withResolvers<void>();
  const images: typeof engine.images = Object.create(engine.images, {
    get: { value: (name: string) => gate.promise.then(() => engine.images.get(name)) },
  });
  const events = new EngineEvents({ events: engine.events, images }, new ImageCatalog(engine));
  const told: EngineEvent[] = [];
  const { past } = events.listen((event) => told.push(event));
  await engine.pull(`${registry.host}/team/app:v1`, { platform: "linux/amd64" });
  events.tellPrune(7);
  const afterMs = Date.now();
  expect([...past, ...told]).toEqual([]);
  while (Date.now() === afterMs) await new Promise(setImmediate);
  gate.resolve();
  await events.settled();
  expect(told.map(({ action }) => action)).toEqual(["pull", "prune"]);
  for (const { timeNs } of told) expect(Number(timeNs / 1_000_000n)).toBeLessThanOrEqual(afterMs);
  expect(events.listen(() => {}).past).toEqual(told);
  events.close();
});
