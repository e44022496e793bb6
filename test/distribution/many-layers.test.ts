import { expect, it } from "vitest";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { openEngine } from "./support/engine.ts";

it("an image of more layers than may wait openly comes over few connections, whatever may be downloaded at once", async () => {
  await using registry = await TestRegistry.start();
  const layers = Array.from({ length: 100 }, (_, at) => 500 + at);
  await buildImage(registry, "team/app", { tag: "v1", layers });
  for (const maxConcurrentDownloads of [10, 0]) {
    await using engine = await openEngine({ maxConcurrentDownloads, connection: { maxSocketsPerHost: 2 } });
    await expect(engine.pull(`${registry.host}/team/app:v1`)).resolves.toMatchObject({
      endpoint: registry.url,
    });
  }
});
