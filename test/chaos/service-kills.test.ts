import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readBlob } from "../../src/content.ts";
import { proxyStore } from "../../src/content-grpc.ts";
import { openDistribution } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { type SpawnedService, spawnService } from "../content/grpc/support/spawn-service.ts";
import { campaign } from "./support/campaign.ts";
import { type Seeded, seeded } from "./support/seeded.ts";

const { seed } = campaign();

/** Times that the service is killed. */
const ROUNDS = 15;

/** Pulls at the same time; each image shares a layer with all others. */
const PULLS = 10;

/** Most calls of the store before the service is killed; the number decides where the kill hits. */
const MAX_CALLS = 400;

/** `store`, which calls `onCall` before each call, those of its writers and readers included. */
function counted<T extends object>(store: T, onCall: () => void): T {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        onCall();
        const result: unknown = value.apply(target, args);
        const isOpened = name === "writer" || name === "readerAt";
        return isOpened ? (result as Promise<object>).then((opened) => counted(opened, onCall)) : result;
      };
    },
  });
}

/** Puts the images of a round into the registry. */
async function buildImages(registry: TestRegistry, round: number, random: Seeded): Promise<BuiltImage[]> {
  const images: BuiltImage[] = [];
  const shared = random.bytes(200_000);
  for (let number = 0; number < PULLS; number++) {
    const layers = [shared, random.bytes(1 + random.int(400_000)), random.bytes(1 + random.int(50_000))];
    images.push(await buildImage(registry, `r${round}/i${number}`, { tag: "v1", layers }));
  }
  return images;
}

/** A service that can be killed and started again, and ends with its scope. */
class Victim implements AsyncDisposable {
  readonly #root: string;
  readonly #address: string;
  #service: SpawnedService;
  #restarted: Promise<void> = Promise.resolve();

  private constructor(root: string, address: string, service: SpawnedService) {
    this.#root = root;
    this.#address = address;
    this.#service = service;
  }

  static async start(root: string, address: string): Promise<Victim> {
    return new Victim(root, address, await spawnService(root, address));
  }

  /** Kills it at once, and starts it again as soon as it is dead. */
  restart(): void {
    this.#restarted = this.#restart();
  }

  /** Resolves when it is there again. */
  async isBack(): Promise<void> {
    await this.#restarted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.kill("SIGKILL");
  }

  async #restart(): Promise<void> {
    await this.#service.kill("SIGKILL");
    this.#service = await spawnService(this.#root, this.#address);
  }
}

describe(`a content service that is killed and started again under ten pulls (CHAOS_SEED=${seed})`, () => {
  it("fails none of them, and loses nothing", { timeout: ROUNDS * 20_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "kill-"));
    const address = `unix://${folder}/s`;
    await using registry = await TestRegistry.start();
    await using service = await Victim.start(join(folder, "served"), address);
    for (let round = 0; round < ROUNDS; round++) {
      const label = `CHAOS_SEED=${seed}, round ${round}`;
      const random = seeded(`service ${seed} ${round}`);
      const images = await buildImages(registry, round, random);
      await using store = proxyStore({ address });
      let callsLeft = 1 + random.int(MAX_CALLS);
      const content = counted(store, () => {
        if (--callsLeft === 0) service.restart();
      });
      await using engine = await openDistribution({
        root: join(folder, `root-${round}`),
        content,
        registry: { plainHttp: true },
        backoff: { baseMs: 1, maxMs: 5 },
      });
      const pulls = images.map((_, number) => engine.pull(`${registry.host}/r${round}/i${number}:v1`));
      const ends = await Promise.allSettled(pulls);
      await service.isBack();
      expect(
        ends.filter(({ status }) => status === "rejected"),
        label,
      ).toEqual([]);
      for (const { config, layers } of images) {
        for (const blob of [config, ...layers.map(({ descriptor }) => descriptor)])
          await readBlob(store, blob);
      }
      expect(await store.listStatuses(), label).toEqual([]);
    }
    await rm(folder, { recursive: true });
  });
});
