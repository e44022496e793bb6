import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exists } from "../../../src/content/exists.ts";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { isSyncer, type Writer } from "../../../src/content/store.ts";
import { digestOf } from "../../../src/digest/digest.ts";

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "local-writer-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const KINDS = ["truncate", "reopen", "reopen elsewhere", "fail to commit"] as const;

/** Bytes to write, or something else to do. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 5_000 }) },
  fc.constantFrom(...KINDS),
);

/** A writer and the bytes that it must hold. */
interface Held {
  readonly writer: Writer;
  readonly model: Buffer;
}

const STEPS: Record<(typeof KINDS)[number], (held: Held, other: LocalStore) => Promise<Held>> = {
  async truncate({ writer }) {
    await writer.truncate(0);
    return { writer, model: Buffer.alloc(0) };
  },
  async reopen({ writer, model }) {
    const { ref } = await writer.status();
    await writer.close();
    return { writer: await store.writer({ ref }), model };
  },
  async "reopen elsewhere"({ writer, model }, other) {
    const { ref } = await writer.status();
    await writer.close();
    return { writer: await other.writer({ ref }), model };
  },
  async "fail to commit"({ writer, model }) {
    const { ref } = await writer.status();
    await expect(writer.commit({ size: model.byteLength + 1 })).rejects.toThrow("unexpected commit size");
    return { writer: await store.writer({ ref }), model };
  },
};

async function append({ writer, model }: Held, bytes: Uint8Array): Promise<Held> {
  await writer.write(bytes);
  return { writer, model: Buffer.concat([model, bytes]) };
}

describe("LocalWriter", () => {
  const HOW = [
    { bytes: "on disk", how: {} },
    { bytes: "in memory at first", how: { brief: true, size: 200_000 } },
  ] as const;

  it.each(HOW)(
    "with its bytes $bytes has the right offset and digest after any sequence of calls, and publishes them",
    async ({ how }) => {
      let run = 0;
      const steps = fc.array(step, { maxLength: 20 });
      const property = fc.asyncProperty(steps, fc.uint8Array(), async (before, bytes) => {
        await using other = await openLocalStore({ root });
        const last = Buffer.concat([Buffer.from(`${run}: `), bytes]);
        const writer = await store.writer({ ref: `run ${run++}`, ...how });
        let held: Held = { writer, model: Buffer.alloc(0) };
        for (const next of [...before, last]) {
          held = next instanceof Uint8Array ? await append(held, next) : await STEPS[next](held, other);
          expect((await held.writer.status()).offset).toBe(held.model.byteLength);
          expect(held.writer.digest()).toBe(digestOf(held.model));
        }
        const { model } = held;
        const descriptor = { size: model.byteLength, digest: digestOf(model) };
        await held.writer.commit({ size: descriptor.size, expected: descriptor.digest });
        expect(Buffer.from(await readBlob(store, descriptor)).equals(model)).toBe(true);
        expect(await store.listStatuses()).toEqual([]);
      });
      await fc.assert(property, { numRuns: 40 });
    },
  );

  it("takes no calls while it commits, and close waits for the end", async () => {
    const writer = await store.writer({ ref: "r" });
    await writer.write(Buffer.from("foobar"));
    const committed = writer.commit();
    expect(() => writer.write(Buffer.from("more"))).toThrow("cannot write to closed writer");
    await expect(writer.commit()).rejects.toThrow("cannot commit on closed writer");
    await writer.close();
    expect((await store.info(digestOf("foobar"))).size).toBe(6);
    expect(await committed).toBe(digestOf("foobar"));
  });

  it("cannot be truncated to anything but nothing", async () => {
    await using writer = await store.writer({ ref: "r" });
    await writer.write(Buffer.from("foobar"));
    await expect(writer.truncate(3)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect((await writer.status()).offset).toBe(6);
  });

  it("tells the expected digest and total it was opened with", async () => {
    const expected = digestOf("foobar");
    await using writer = await store.writer({ ref: "r", size: 6, expected });
    expect(await writer.status()).toMatchObject({ expected, total: 6 });
    await using plain = await store.writer({ ref: "plain" });
    expect(await plain.status()).not.toHaveProperty("expected");
  });

  it("writes everything down on sync, and goes on", async () => {
    await using writer = await store.writer({ ref: "r" });
    await writer.write(Buffer.from("foo"));
    if (!isSyncer(writer)) throw new Error("not a syncer");
    await writer.sync();
    const { updatedAtNs } = await writer.status();
    expect(await store.status("r")).toMatchObject({ offset: 3, updatedAtNs });
    await writer.write(Buffer.from("bar"));
    expect(await writer.commit()).toBe(digestOf("foobar"));
    await expect(writer.sync()).rejects.toThrow("cannot sync closed writer");
  });
});

it.each<[string, (path: string) => Promise<void>]>([
  ["is another file by now", (path) => rename(`${path}.other`, path)],
  ["has more bytes by now", (path) => appendFile(path, "more")],
])("a writer does not commit what %s", async (_, change) => {
  const bytes = Buffer.from("the bytes that were written");
  const writer = await store.writer({ ref: "layer" });
  await writer.write(bytes);
  const { path = "" } = writer;
  await writeFile(`${path}.other`, "other bytes");
  await change(path);
  await expect(writer.commit({ expected: digestOf(bytes) })).rejects.toMatchObject({
    code: "ERR_DATA_LOSS",
    message: expect.stringContaining("was changed by others"),
  });
  expect(await exists(store, digestOf(bytes))).toBe(false);
});
