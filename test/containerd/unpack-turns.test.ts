import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainWaiter } from "../../src/async/waiting.ts";
import { UnpackTurns } from "../../src/containerd/unpack-turns.ts";
import { type OwnedStore, openLocalStore } from "../../src/content.ts";
import { FakeClock } from "../async/fake-clock.ts";

const REF = "unpack native sha256:a";

let folder: string;
let store: OwnedStore & AsyncDisposable;
let clock: FakeClock;
let ours: UnpackTurns;
let theirs: UnpackTurns;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-turns-"));
  store = await openLocalStore({ root: folder });
  clock = new FakeClock();
  ours = new UnpackTurns(store, clock);
  theirs = new UnpackTurns(store);
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const options = (shown: string[] = [], signal: AbortSignal = new AbortController().signal) => ({
  signal,
  waiter: plainWaiter({ signal, show: ({ words }) => void shown.push(words) }),
});

describe("UnpackTurns", () => {
  it("gives one turn at a time, within a process and between several", async () => {
    const order: string[] = [];
    const shown: string[] = [];
    const end = await theirs.take(REF, options());
    const waiting = [1, 2].map(async (number) => {
      const endOne = await ours.take(REF, options(shown));
      order.push(`begin ${number}`);
      await Promise.resolve();
      order.push(`end ${number}`);
      await endOne();
    });
    order.push("theirs ends");
    await end();
    await Promise.all(waiting);
    expect(order).toEqual(["theirs ends", "begin 1", "end 1", "begin 2", "end 2"]);
    expect(new Set(shown)).toEqual(new Set(["Waiting for another process"]));
    expect(await store.listStatuses()).toEqual([]);
  });

  it("waits for nobody who works at something else", async () => {
    const end = await theirs.take(REF, options());
    await (await ours.take("unpack native sha256:b", options()))();
    await end();
  });

  it("takes the turn of one who has died", async () => {
    const dead = await store.writer({ ref: REF });
    await dead.close(); // the ingest stays
    const taken = await ours.take(REF, options());
    await taken();
    expect(await store.listStatuses()).toEqual([]);
  });

  it("looks at the ref, and asks for it only after five seconds, while somebody has it", async () => {
    const holder = await store.writer({ ref: REF });
    let asked = 0;
    const watched: OwnedStore = Object.create(store, {
      writer: {
        value: async (...args: Parameters<OwnedStore["writer"]>) => {
          asked++;
          if (asked === 3) await holder.close();
          return await store.writer(...args);
        },
      },
    });
    await (await new UnpackTurns(watched, clock).take(REF, options()))();
    expect(asked).toBe(3);
    expect(clock.elapsed()).toBeGreaterThanOrEqual(10_000);
  });

  it("leaves nothing held by one who gives up", async () => {
    const end = await theirs.take(REF, options());
    const controller = new AbortController();
    const given = ours.take(REF, options([], controller.signal));
    controller.abort();
    await expect(given).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await end();
    await (await ours.take(REF, options()))();
  });
});
