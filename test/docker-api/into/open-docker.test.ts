import { readdir } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDocker } from "../../../src/docker-api.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrInvalidArgument,
  ErrNotFound,
  ErrUnavailable,
} from "../../../src/errors.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { failureOf, openEngine } from "../../distribution/support/engine.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { openApi } from "../support/api.ts";

const keep = closingAfterEach();

/** A docker that answers as `listener` does. */
async function dockerThat(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  keep({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An engine that keeps nothing, a docker, and a registry with `team/app:v1`, and `v2` with another layer on top of the same. */
async function openStage() {
  const registry = keep(await TestRegistry.start());
  const one = await buildImage(registry, "team/app", { tag: "v1", layers: [50_000, 1_000] });
  const two = await buildImage(registry, "team/app", { tag: "v2", layers: [50_000, 1_000, 2_000] });
  const api = keep(await openApi());
  const engine = keep(await openEngine());
  const docker = await openDocker({ address: api.server.address });
  return { registry, one, two, api, engine, docker, name: `${registry.host}/team/app` };
}

describe("openDocker()", () => {
  it("brings an image, and of a second one only the layer that is new", async () => {
    const { registry, one, two, api, engine, docker, name } = await openStage();
    const first = await docker.pull(engine, `${name}:v1`, { platform: "linux/amd64" });
    expect(first).toMatchObject({ id: one.config.digest, digest: one.descriptor.digest, updated: true });
    expect(first.moved).toEqual(one.layers.map(({ descriptor }) => descriptor.digest));

    const lines: string[] = [];
    const second = await docker.pull(engine, `${name}:v2`, {
      platform: "linux/amd64",
      onProgress: (progress) =>
        void (progress.kind === "update" && lines.push(`${progress.id} ${progress.action}`)),
    });
    const [, , top] = two.layers;
    expect(second).toMatchObject({ moved: [top?.descriptor.digest], movedBytes: top?.descriptor.size });
    for (const { descriptor } of one.layers) {
      const asked = registry.requests.filter(
        ({ digest, method }) => digest === descriptor.digest && method === "GET",
      );
      expect(asked).toHaveLength(1);
      expect(lines).toContain(`${descriptor.digest.slice(7, 19)} Already exists`);
    }
    expect(await api.engine.images.find(`${name}:v2`)).toMatchObject({ id: two.config.digest });
    expect(await readdir(join(engine.root, "blobs")).catch(() => [])).toEqual([]);
  });

  it("moves nothing where docker has the image under this name", async () => {
    const { engine, docker, name } = await openStage();
    await docker.pull(engine, `${name}:v1`, { platform: "linux/amd64" });
    const again = await docker.pull(engine, `${name}:v1`, { platform: "linux/amd64" });
    expect(again).toMatchObject({ updated: false, moved: [], movedBytes: 0 });
  });

  it("gives docker nothing that is not what its digest says", async () => {
    const { registry, one, api, engine, docker, name } = await openStage();
    const digest = String(one.layers[0]?.descriptor.digest);
    registry.fault({ kind: "blob", digest, times: Number.POSITIVE_INFINITY }, { corrupt: { offset: 100 } });
    const failure = await failureOf(docker.pull(engine, `${name}:v1`, { platform: "linux/amd64" }));
    expect(failure).toBeInstanceOf(ErrDataLoss);
    expect(await api.engine.images.list()).toEqual([]);
  });

  it("says what is wrong in the registry's words, or docker's", async () => {
    const { engine, docker, name } = await openStage();
    expect(await failureOf(docker.pull(engine, `${name}:none`))).toBeInstanceOf(ErrNotFound);
    const address = await dockerThat((request, response) => {
      const isLoad = request.method === "POST";
      request.resume();
      if (isLoad) response.end('{"errorDetail":{"message":"no space left"},"error":"no space left"}\n');
      else response.writeHead(200).end(request.url?.endsWith("/info") ? "{}" : "[]");
    });
    const broken = await openDocker({ address });
    const failure = broken.pull(engine, `${name}:v1`, { platform: "linux/amd64" });
    await expect(failure).rejects.toThrow("load image into docker: no space left");
  });

  it("ends when it is told to", async () => {
    const { registry, one, engine, docker, name } = await openStage();
    const digest = String(one.layers[0]?.descriptor.digest);
    registry.fault({ kind: "blob", digest }, { stall: true, afterBytes: 100 });
    const leave = new AbortController();
    const pulling = failureOf(
      docker.pull(engine, `${name}:v1`, { platform: "linux/amd64", signal: leave.signal }),
    );
    await registry.waitFor((request) => request.digest === digest);
    leave.abort();
    expect(await pulling).toBeInstanceOf(ErrCanceled);
    await registry.waitFor((request) => request.digest === digest, { finished: true });
  });

  it("sends all of it where what docker had goes meanwhile", async () => {
    const { one, engine, name } = await openStage();
    const diffIds = one.layers.map(({ diffId }) => diffId);
    let loads = 0;
    const answers: ReadonlyArray<readonly [RegExp, () => object]> = [
      [
        /^POST/,
        () =>
          loads++ === 0 ? { errorDetail: { message: "open layer: no such file" } } : { stream: "Loaded" },
      ],
      [/info$/, () => ({})],
      [/images\/json$/, () => [{ Id: "sha256:a" }]],
      [/sha256/, () => ({ RootFS: { Layers: loads === 0 ? diffIds.slice(0, 1) : [] } })],
      [/app/, () => ({ Id: "sha256:other" })],
    ];
    const address = await dockerThat((request, response) => {
      const line = `${request.method} ${request.url}`;
      const [, answer] = answers.find(([pattern]) => pattern.test(line)) ?? [];
      request.resume().once("end", () => response.end(JSON.stringify(answer?.())));
    });
    const docker = await openDocker({ address });
    const { moved } = await docker.pull(engine, `${name}:v1`, { platform: "linux/amd64" });
    expect([loads, moved]).toEqual([2, one.layers.map(({ descriptor }) => descriptor.digest)]);
  });

  it("tells the containerd in which docker keeps images", async () => {
    const Containerd = { Address: "/run/x.sock", Namespaces: { Containers: "moby" } };
    const DriverStatus = [["driver-type", "io.containerd.snapshotter.v1"]];
    expect(await containerdOf({ Driver: "overlayfs", DriverStatus, Containerd })).toEqual({
      address: "unix:///run/x.sock",
      namespace: "moby",
      snapshotter: "overlayfs",
    });
    expect(await containerdOf({ Driver: "overlay2", DriverStatus: [], Containerd })).toBeUndefined();
    expect(await containerdOf({ DriverStatus: 7, Containerd: "x" })).toBeUndefined();
  });

  it.each([
    { says: "1.41", speaks: "/v1.41/info" },
    { says: "1.24", speaks: "/v1.24/info" },
    { says: "1.51", speaks: "/v1.51/info" },
    { says: "1.60", speaks: "/v1.51/info" },
    { says: "2.0", speaks: "/v1.51/info" },
    { says: "1.4", speaks: "/v1.4/info" },
    { says: undefined, speaks: "/info" },
    { says: "newest", speaks: "/info" },
  ])("speaks $speaks with a docker that says $says", async ({ says, speaks }) => {
    const asked: Array<string | undefined> = [];
    const address = await dockerThat(({ url }, response) => {
      asked.push(url);
      if (says !== undefined) response.setHeader("api-version", says);
      response.end(url === "/_ping" ? "OK" : "{}");
    });
    await openDocker({ address });
    expect(asked).toEqual(["/_ping", speaks]);
  });

  it("refuses what is no docker", async () => {
    await expect(openDocker({ address: "x" })).rejects.toThrow(ErrInvalidArgument);
    await expect(openDocker({ address: "unix:///no/such/socket" })).rejects.toThrow(ErrUnavailable);
    const address = await dockerThat((_, response) => response.writeHead(500).end('{"message":"not well"}'));
    await expect(openDocker({ address })).rejects.toThrow("not well");
  });
});

/** What is found out about a docker that tells this of itself. */
async function containerdOf(info: object): Promise<unknown> {
  const address = await dockerThat((_, response) => response.end(JSON.stringify(info)));
  return (await openDocker({ address })).containerd;
}
