import { describe, expect, it } from "vitest";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { openApi } from "./support/api.ts";

const keep = closingAfterEach();

describe("GET /distribution/NAME/json", () => {
  it("tells what a name means, and for which platforms", async () => {
    const registry = keep(await TestRegistry.start());
    const arm64 = { os: "linux", architecture: "arm64" };
    const images = [
      await buildImage(registry, "team/app", { layers: [10] }),
      await buildImage(registry, "team/app", { layers: [10], platform: arm64 }),
    ];
    const { mediaType, digest, size } = buildIndex(registry, "team/app", { tag: "v1", images });
    const api = keep(await openApi());
    const answer = await api.ask(`GET /v1.51/distribution/${registry.host}/team/app:v1/json`);
    expect(answer.json()).toEqual({
      Descriptor: { mediaType, digest, size },
      Platforms: [{ os: "linux", architecture: "amd64" }, arm64],
    });
    expect(await api.engine.images.list()).toEqual([]);
  });

  it("says what is not there", async () => {
    const registry = keep(await TestRegistry.start());
    const api = keep(await openApi());
    expect((await api.ask(`GET /distribution/${registry.host}/no/such:v1/json`)).status).toBe(404);
    expect((await api.ask(`GET /distribution/${registry.host}/UP/json`)).status).toBe(400);
  });
});
