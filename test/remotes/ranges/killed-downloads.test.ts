import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { pseudoRandom } from "../../content/support/pseudo-random.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { RangeServer } from "./support/range-server.ts";

/** Size of the blob that is killed late, in bytes; more by hand. */
const LARGE = Number(process.env["KILLED_MB"] ?? 150) * 1_000_000;
/** Size of the blob that is killed often. */
const SMALL = 12_000_000;
/** Runs of the property; more by hand. */
const RUNS = Number(process.env["KILLED_RUNS"] ?? 1);
const CHILD = new URL("support/download-child.ts", import.meta.url).pathname;

interface Blob {
  readonly content: Buffer;
  readonly digest: Digest;
  readonly size: number;
}

function blobOf(seed: string, size: number): Blob {
  const content = pseudoRandom(seed, size);
  return { content, digest: digestOf(content), size };
}

let parent: string;
let serial = 0;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "drayage-killed-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));
const keep = closingAfterEach();

async function serving({ content }: Blob): Promise<RangeServer> {
  return keep(await RangeServer.start(content, () => false, { waitsFor: 0 }));
}

const newRoot = (): string => join(parent, String(serial++));

/** How a blob is brought, in a process of its own. */
interface Bringing {
  readonly root: string;
  readonly server: RangeServer;
  readonly workers: number;
  readonly how?: "ranges" | "stream";
  /** Bytes at which it is killed. */
  readonly killedAt?: number;
}

/** What it says. */
interface Brought {
  /** Bytes that there were, unless all of them were there. */
  readonly from?: string;
  /** Bytes that there were when it was killed. */
  readonly there?: string;
  /** "done" or "was there", unless it was killed. */
  readonly end?: string;
}

async function bring({ digest, size }: Blob, bringing: Bringing): Promise<Brought> {
  const { root, server, workers, how = "ranges", killedAt } = bringing;
  const args = [CHILD, root, server.origin, digest, String(size), String(workers), how];
  if (killedAt !== undefined) args.push(String(Math.floor(killedAt)));
  const child = spawn(process.execPath, ["--no-warnings", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await Promise.all([text(child.stdout), once(child, "close")]);
  return Object.fromEntries([...said.matchAll(/^(\w+) (.*)$/gm)].map(([, what, value]) => [what, value]));
}

async function expectStored({ content, digest, size }: Blob, root: string): Promise<void> {
  await using store = await openLocalStore({ root });
  const bytes = await readBlob(store, { digest, size }, { maxBytes: size });
  expect(Buffer.from(bytes).equals(content)).toBe(true);
  expect(await store.listStatuses()).toEqual([]);
}

describe("a download in ranges that is killed", () => {
  it.each([{ workers: 0 }, { workers: 1 }])(
    "at 95 % has at most 1 % to bring again, with $workers threads",
    async ({ workers }) => {
      const blob = blobOf(`killed ${workers}`, LARGE);
      const server = await serving(blob);
      const root = newRoot();
      const { from, there } = await bring(blob, { root, server, workers, killedAt: LARGE * 0.95 });
      expect(from).toBe("0");
      expect(Number(there)).toBeLessThanOrEqual(LARGE);
      // A thread goes on until the whole process is dead, and may be through by then.
      const { from: kept = LARGE, end } = await bring(blob, { root, server, workers });
      expect(end).toBe("done");
      expect(Number(kept)).toBeGreaterThanOrEqual(Number(there) - LARGE * 0.01);
      await expectStored(blob, root);
    },
    60_000,
  );

  it(
    "again and again, in processes with ranges and without, has the right bytes in the end",
    async () => {
      const blob = blobOf("killed often", SMALL);
      const server = await serving(blob);
      const kill = fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        how: fc.constantFrom("ranges" as const, "ranges" as const, "stream" as const),
        workers: fc.nat(1),
      });
      const kills = fc.array(kill, { minLength: 2, maxLength: 4 });
      const property = fc.asyncProperty(kills, async (all) => {
        const root = newRoot();
        for (const { at, how, workers } of all) {
          await bring(blob, { root, server, how, workers, killedAt: at * SMALL });
        }
        expect(["done", "was there"]).toContain((await bring(blob, { root, server, workers: 0 })).end);
        await expectStored(blob, root);
      });
      await fc.assert(property, { numRuns: RUNS });
    },
    60_000 * RUNS,
  );

  it("is gone on with by another process that waits for it", async () => {
    const blob = blobOf("two of them", SMALL);
    const server = await serving(blob);
    const root = newRoot();
    const first = bring(blob, { root, server, workers: 1, killedAt: SMALL * 0.6 });
    const second = bring(blob, { root, server, workers: 0 });
    const [one, other] = await Promise.all([first, second]);
    const last = await bring(blob, { root, server, workers: 1 });
    expect([one, other, last].map(({ end }) => end)).toContain("done");
    await expectStored(blob, root);
  }, 60_000);
});
