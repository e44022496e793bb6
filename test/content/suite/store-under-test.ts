import { afterEach, beforeEach, expect } from "vitest";
import { nowNs } from "../../../src/async/wall-clock.ts";
import type { CommitOptions, Info, Store, Writer } from "../../../src/content/store.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { DEFAULT_TRAITS, type StoreTraits } from "./store-traits.ts";

/** A store under test, empty. */
export interface StoreFixture {
  readonly store: Store;
  /** Where it differs from `DEFAULT_TRAITS`. */
  readonly traits?: Partial<StoreTraits> | undefined;
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

/** A new store for every test of the block around it. */
export function useStore(name: string, open: () => Promise<StoreFixture>): StoreUnderTest {
  let fixture: StoreFixture | undefined;
  let serial = 0;

  function opened(): StoreFixture {
    if (!fixture) throw new Error("no test is running");
    return fixture;
  }

  beforeEach(async () => {
    fixture = await open();
  });

  afterEach(() => fixture?.dispose());

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

/** A proxy may learn the digest only at commit; who tells it, tells the right one. */
export function expectDigest(writer: Writer, bytes: Uint8Array): void {
  expect([undefined, digestOf(bytes)]).toContain(writer.digest());
}

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
