import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainWaiter } from "../../src/async/waiting.ts";
import { type Digest, digestOf, shortId } from "../../src/digest/digest.ts";
import type { ErrorCode } from "../../src/errors/drayage-error.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import type { DownloadDescriptor, Layer, LayerPlace, LayerTarget } from "../../src/xfer/layer.ts";
import { writeTestTar } from "../tar/support/tar-writer.ts";

/** A target under test, empty. */
export interface TargetFixture {
  readonly target: LayerTarget;
  /** The same place, as another process has it. */
  readonly other: LayerTarget;
  /** Removes what nobody holds, as the place does of its own accord. */
  collect(): Promise<void>;
  /** What is half made: nothing, once nobody works. */
  leftovers(): Promise<readonly string[]>;
  /** Names of the files that a chain of layers shows, lowest first. */
  filesOf(chain: readonly Digest[]): Promise<readonly string[]>;
  /** Class of the error for a blob that is no archive. */
  readonly damaged: ErrorCode;
  dispose(): Promise<void>;
}

/** A blob that counts how often it is read, and that can be made to wait in the middle. */
class TestBlob implements DownloadDescriptor {
  readonly key: string;
  readonly id: string;
  readonly digest: Digest;
  readonly diffId: Digest;
  /** How often its bytes were read. */
  reads = 0;
  /** Waited for before the second half of the bytes. */
  gate: Promise<unknown> = Promise.resolve();
  /** Called when it is being read. */
  onRead: () => void = () => {};
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, diffId: Digest) {
    this.digest = digestOf(bytes);
    this.key = `layer-${this.digest}`;
    this.id = shortId(this.digest);
    this.diffId = diffId;
    this.#bytes = bytes;
  }

  async exists(): Promise<boolean> {
    return true;
  }

  async download(): Promise<void> {}

  async open() {
    const read = (): AsyncGenerator<Uint8Array> => this.#read();
    return {
      size: this.#bytes.byteLength,
      path: undefined,
      [Symbol.asyncIterator]: read,
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    this.reads++;
    this.onRead();
    const half = this.#bytes.byteLength >> 1;
    yield this.#bytes.slice(0, half);
    await this.gate;
    yield this.#bytes.slice(half);
  }
}

/** An archive with one file, named and filled with `word`. */
function archiveOf(word: string): Buffer {
  return writeTestTar([{ name: word, content: word.repeat(1_000) }]);
}

function blobOf(word: string, compress: (archive: Buffer) => Uint8Array = gzipSync): TestBlob {
  const archive = archiveOf(word);
  return new TestBlob(compress(archive), digestOf(archive));
}

function placesOf(blobs: readonly TestBlob[]): readonly LayerPlace[] {
  const chain = chainIds(blobs.map(({ diffId }) => diffId));
  return chain.map((chainId, at) => ({ chainId, parent: chain[at - 1] }));
}

/** What a registration runs with. */
function contextOf(signal: AbortSignal = new AbortController().signal) {
  return { signal, waiter: plainWaiter({ signal }), progress: () => {} };
}

async function registerAll(into: LayerTarget, blobs: readonly TestBlob[]): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  for (const [at, place] of placesOf(blobs).entries()) {
    const blob = blobs[at];
    if (blob) layers.push(await into.register(blob, place, contextOf()));
  }
  return layers;
}

async function releaseAll(from: LayerTarget, layers: readonly Layer[]): Promise<void> {
  for (const layer of layers) await from.release(layer);
}

/**
 * What every implementation of `LayerTarget` does that unpacks: the contract of the interface. `open` gives an empty place for
 * each test.
 */
export function describeLayerTarget(name: string, open: () => Promise<TargetFixture>): void {
  describe(name, () => {
    let fixture: TargetFixture;
    let target: LayerTarget;
    let other: LayerTarget;
    const [first, second, third] = ["first", "second", "third"] as const;

    beforeEach(async () => {
      fixture = await open();
      ({ target, other } = fixture);
    });

    afterEach(() => fixture.dispose());

    const has = async (chainId: Digest): Promise<boolean> => {
      const layer = await other.get(chainId);
      if (layer) await other.release(layer);
      return layer !== undefined;
    };

    it("has no layer that nobody registered", async () => {
      expect(await target.get(digestOf("nothing"))).toBeUndefined();
      expect(await fixture.leftovers()).toEqual([]);
    });

    it("registers a chain, which others find, and shows what is in it", async () => {
      const blobs = [first, second, third].map((word) => blobOf(word));
      const chain = placesOf(blobs).map(({ chainId }) => chainId);
      const layers = await registerAll(target, blobs);
      expect(layers.map(({ chainId }) => chainId)).toEqual(chain);
      for (const chainId of chain) expect(await has(chainId)).toBe(true);
      expect(await fixture.filesOf(chain)).toEqual([first, second, third]);
      expect(await fixture.leftovers()).toEqual([]);
      await releaseAll(target, layers);
    });

    it("takes blobs that are compressed by gzip, by zstd, and not at all", async () => {
      const blobs = [blobOf(first), blobOf(second, zstdCompressSync), blobOf(third, (archive) => archive)];
      const layers = await registerAll(target, blobs);
      expect(await fixture.filesOf(layers.map(({ chainId }) => chainId))).toEqual([first, second, third]);
      await releaseAll(target, layers);
    });

    it("has the same archive on different layers below it", async () => {
      const one = await registerAll(target, [blobOf(first), blobOf(third)]);
      const two = await registerAll(target, [blobOf(second), blobOf(third)]);
      expect(await fixture.filesOf(one.map(({ chainId }) => chainId))).toEqual([first, third]);
      expect(await fixture.filesOf(two.map(({ chainId }) => chainId))).toEqual([second, third]);
      await releaseAll(target, [...one, ...two]);
    });

    it("gives what is there to whoever registers it again, and reads nothing for that", async () => {
      const blob = blobOf(first);
      const [place] = placesOf([blob]) as [LayerPlace];
      const layers = [await target.register(blob, place, contextOf()), await target.get(place.chainId)];
      const again = blobOf(first);
      layers.push(await other.register(again, place, contextOf()));
      expect(layers.map((layer) => layer?.chainId)).toEqual(Array(3).fill(place.chainId));
      expect(again.reads).toBe(0);
    });

    it("keeps a layer as long as one of its references, and those below it as long", async () => {
      const blobs = [blobOf(first), blobOf(second)];
      const [lower, upper] = (await registerAll(target, blobs)) as [Layer, Layer];
      const again = await other.get(upper.chainId);
      await releaseAll(target, [lower, upper]);
      await fixture.collect();
      expect([await has(lower.chainId), await has(upper.chainId)]).toEqual([true, true]);
      if (again) await other.release(again);
      await fixture.collect();
      expect([await has(lower.chainId), await has(upper.chainId)]).toEqual([false, false]);
    });

    it("throws ErrNotFound for a layer whose parent is not there", async () => {
      const [, place] = placesOf([blobOf(first), blobOf(second)]) as [LayerPlace, LayerPlace];
      const registered = target.register(blobOf(second), place, contextOf());
      await expect(registered).rejects.toMatchObject({ code: "ERR_NOT_FOUND", digest: place.parent });
      expect(await has(place.chainId)).toBe(false);
      expect(await fixture.leftovers()).toEqual([]);
    });

    it("throws ErrDataLoss for another diffID, and has nothing then", async () => {
      const honest = blobOf(first);
      const liar = new TestBlob(gzipSync(archiveOf(second)), honest.diffId);
      const [place] = placesOf([honest]) as [LayerPlace];
      await expect(target.register(liar, place, contextOf())).rejects.toMatchObject({
        code: "ERR_DATA_LOSS",
        message: expect.stringContaining(`got diffID ${digestOf(archiveOf(second))}, want ${honest.diffId}`),
      });
      expect(await has(place.chainId)).toBe(false);
      expect(await fixture.leftovers()).toEqual([]);
      await releaseAll(target, await registerAll(target, [honest]));
    });

    it.each([
      ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.byteLength - 20)],
      ["damaged", (bytes: Buffer) => bytes.fill(0x55, 20, 60)],
      ["no archive", () => Buffer.from("no archive".repeat(1_000))],
    ])("refuses a blob that is %s, and has nothing then", async (_, damage) => {
      const { diffId } = blobOf(first);
      const blob = new TestBlob(damage(gzipSync(archiveOf(first))), diffId);
      const [place] = placesOf([blob]) as [LayerPlace];
      const error: unknown = await target
        .register(blob, place, contextOf())
        .catch((reason: unknown) => reason);
      expect([fixture.damaged, "ERR_DATA_LOSS"]).toContain((error as { code?: string }).code);
      expect(await has(place.chainId)).toBe(false);
      expect(await fixture.leftovers()).toEqual([]);
    });

    it("makes nothing for one who gives up in the middle, and the layer for the next one", async () => {
      const blob = blobOf(first);
      const [place] = placesOf([blob]) as [LayerPlace];
      const { promise: reading, resolve: onRead } = Promise.withResolvers<void>();
      const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
      Object.assign(blob, { gate, onRead });
      const controller = new AbortController();
      const registered = target.register(blob, place, contextOf(controller.signal));
      await reading;
      controller.abort();
      await expect(registered).rejects.toMatchObject({ code: "ERR_CANCELED" });
      openGate();
      expect(await has(place.chainId)).toBe(false);
      expect(await fixture.leftovers()).toEqual([]);
      await releaseAll(other, await registerAll(other, [blobOf(first)]));
    });

    it("makes a layer once for all who want it at the same time, in several processes", async () => {
      const blobs = [first, first, first, first].map((word) => blobOf(word));
      const [place] = placesOf(blobs) as [LayerPlace];
      const layers = await Promise.all(
        blobs.map((blob, at) => (at % 2 === 0 ? target : other).register(blob, place, contextOf())),
      );
      expect(layers.map(({ chainId }) => chainId)).toEqual(Array(4).fill(place.chainId));
      expect(blobs.reduce((sum, { reads }) => sum + reads, 0)).toBe(1);
      expect(await fixture.leftovers()).toEqual([]);
      for (const [at, layer] of layers.entries()) await (at % 2 === 0 ? target : other).release(layer);
      await fixture.collect();
      expect(await has(place.chainId)).toBe(false);
    });

    it("prepares layers in any order, and forgets what is not registered", async () => {
      const blobs = [blobOf(first), blobOf(second)];
      const places = placesOf(blobs);
      const discards = await Promise.all(
        blobs.map(async (blob, at) => await target.prepare?.(blob, places[at] as LayerPlace, contextOf())),
      );
      expect(await has(places[1]?.chainId as Digest)).toBe(false);
      const layers = await registerAll(target, blobs);
      for (const discard of discards) await discard?.();
      expect(blobs.map(({ reads }) => reads)).toEqual([1, 1]);
      expect(await fixture.filesOf(layers.map(({ chainId }) => chainId))).toEqual([first, second]);

      const unwanted = blobOf(third);
      await (await target.prepare?.(unwanted, placesOf([unwanted])[0] as LayerPlace, contextOf()))?.();
      expect(await has(unwanted.diffId)).toBe(false);
      expect(await fixture.leftovers()).toEqual([]);
      await releaseAll(target, layers);
    });
  });
}
