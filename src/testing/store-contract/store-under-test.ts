import { createHash } from "node:crypto";
import { nowNs } from "../../async/wall-clock.ts";
import type { CommitOptions, Info, Store, Writer } from "../../content/store.ts";
import { type Digest, digestOf } from "../../digest/digest.ts";
import { expect } from "./expect.ts";
import { DEFAULT_TRAITS, type StoreTraits } from "./store-traits.ts";

/** A store under test, empty. */
export interface StoreFixture {
  readonly store: Store;
  /** Where it differs from drayage's own stores on the disk, because its users can live with either. */
  readonly traits?: Partial<StoreTraits> | undefined;
  /** Called once after the case, however it ended. */
  dispose(): Promise<void>;
}

/** The store of the running test, and what is done with it again and again. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly traits: StoreTraits;
  /** Bytes that no other test has. */
  fresh(bytes: number): Buffer;
  /** Makes a blob. */
  commit(bytes: Uint8Array, options?: CommitOptions): Promise<Digest>;
  /** Writes and closes. */
  leave(ref: string, bytes: Uint8Array, size: number): Promise<void>;
  /** Reads a blob whole. */
  read(digest: Digest): Promise<Buffer>;
}

/** What is done with a store again and again, for the one that `opened` gives at that moment. */
export function underTest(name: string, opened: () => StoreFixture): StoreUnderTest {
  let serial = 0;
  return {
    get store() {
      return opened().store;
    },

    get traits() {
      return { ...DEFAULT_TRAITS, ...opened().traits };
    },

    fresh: (bytes) => pseudoRandom(`${name} ${serial++}`, bytes),

    async commit(bytes, options = {}) {
      const writer = await this.store.writer({ ref: `commit ${serial++}` });
      await writer.write(bytes);
      return writer.commit(options);
    },

    async leave(ref, bytes, size) {
      const writer = await this.store.writer({ ref, size });
      await writer.write(bytes);
      await writer.close();
    },

    async read(digest) {
      const reader = await this.store.readerAt({ digest });
      const bytes = Buffer.alloc(reader.size);
      expect(await reader.readAt(bytes, 0)).toBe(reader.size);
      await reader.close();
      return bytes;
    },
  };
}

/** The same bytes for the same seed, other bytes for another one. */
function pseudoRandom(seed: string, bytes: number): Buffer {
  if (bytes === 0) return Buffer.alloc(0);
  return createHash("shake128", { outputLength: bytes }).update(seed).digest();
}

/** A proxy may learn the digest only at commit; who tells it, tells the right one. */
export function expectDigest(writer: Writer, bytes: Uint8Array): void {
  expect([undefined, digestOf(bytes)]).toContain(writer.digest());
}

/** What is known of content of these bytes, without labels unless some are wanted. */
export function expectInfo(
  info: Info,
  want: { bytes: Uint8Array; digest?: Digest; labels?: Record<string, string> },
): void {
  const { bytes, labels = {} } = want;
  expect(info).toMatchObject({ digest: want.digest ?? digestOf(bytes), size: bytes.byteLength });
  expect(info.labels).toEqual(labels);
}

/** A time between two others, the second being now, in nanoseconds. */
export function expectWithin(timeNs: bigint, fromNs: bigint, toNs = nowNs()): void {
  expect(timeNs).toBeGreaterThanOrEqual(fromNs);
  expect(timeNs).toBeLessThanOrEqual(toNs);
}
