import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RootLease } from "../../../src/content/ownership/root-lease.ts";
import { lockFile } from "../../../src/disk/file-lock.ts";
import { ErrCanceled } from "../../../src/errors.ts";

let root: string;
let lease: RootLease;
/** Another process, as far as locks go. */
let other: RootLease;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-lease-"));
  lease = new RootLease(root);
  other = new RootLease(root);
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const ended = (): Promise<number> => other.inTurn(async (turn) => turn.ended());
const moveOn = (): Promise<void> => other.inTurn(async (turn) => turn.moveOn(-1));
const beginAfter = (epoch: number): Promise<number> =>
  other.inTurn(async (turn) => {
    turn.moveOn(epoch);
    return turn.current();
  });
/** Takes a lock as a version did that knew no epochs. */
const alone = async (name: string): Promise<() => void> => {
  await mkdir(join(root, "locks"));
  return await lockFile(join(root, "locks", name));
};
const epochs = (): Promise<readonly string[]> => readdir(join(root, "locks", "epochs"));

describe("RootLease", () => {
  it("never ends the epoch that work joins", async () => {
    expect(await ended()).toBe(-1);
    const leave = await lease.enter();
    expect(await ended()).toBe(-1);
    leave();
    expect(await ended()).toBe(-1);
  });

  it.each(["the same", "another"])("ends an epoch with the last work of %s process in it", async (which) => {
    const second = which === "the same" ? lease : other;
    const leaves = [await lease.enter(), await second.enter()];
    await moveOn();
    for (const leave of leaves) {
      expect(await ended()).toBe(-1);
      leave();
    }
    expect(await ended()).toBe(0);
  });

  it("ends an epoch however much work goes on in the next ones", async () => {
    const old = await lease.enter();
    await moveOn();
    const newer = await lease.enter();
    await moveOn();
    const newest = await other.enter();
    old();
    expect(await ended()).toBe(0);
    newest();
    expect(await ended()).toBe(0);
    newer();
    expect(await ended()).toBe(1);
  });

  it("does not end an epoch before those that began earlier", async () => {
    const old = await lease.enter();
    await moveOn();
    const newer = await other.enter();
    await moveOn();
    newer();
    expect(await ended()).toBe(-1);
    old();
    expect(await ended()).toBe(1);
  });

  it("lets work begin at once while a removal has its turn", async () => {
    const leaves: unknown[] = [];
    await other.inTurn(async (turn) => {
      leaves.push(await lease.enter());
      turn.moveOn(-1);
      turn.ended();
      leaves.push(await lease.enter());
    });
    expect(leaves).toHaveLength(2);
    expect(lease.newest).toBe(1);
  });

  it("says which is the newest epoch that work of the process is in", async () => {
    const first = await lease.enter();
    await moveOn();
    const second = await lease.enter();
    expect(lease.newest).toBe(1);
    second();
    second();
    expect(lease.newest).toBe(0);
    first();
    expect(lease.newest).toBe(-1);
  });

  it("tells anybody what has ended, also of processes that were killed", async () => {
    const leave = await other.enter();
    await moveOn();
    expect(lease.ended()).toBe(-1);
    leave();
    expect(lease.ended()).toBe(0);
    expect(lease.current()).toBe(1);
  });

  it("gives a turn at once or not at all to who cannot wait", async () => {
    const turns: string[] = [];
    for (const one of [lease, other]) {
      const begun = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const running = one.inTurn(async () => {
        begun.resolve();
        await go.promise;
      });
      await begun.promise;
      expect(await lease.tryTurn(async () => void turns.push("busy"))).toBe(false);
      go.resolve();
      await running;
    }
    expect(await lease.tryTurn(async () => void turns.push("free"))).toBe(true);
    expect(turns).toEqual(["free"]);
  });

  it("begins an epoch after one that is spoken of, and never an earlier one", async () => {
    expect(await beginAfter(7)).toBe(8);
    expect(await beginAfter(3)).toBe(9);
    await ended();
    expect(await beginAfter(-1)).toBe(10);
  });

  it("lets removals go one after the other, and leave by their signal", async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const running = lease.inTurn(async () => {
      begun.resolve();
      await go.promise;
    });
    await begun.promise;
    const controller = new AbortController();
    const [here, there] = [lease, other].map((one) =>
      one.inTurn(async () => {}, { signal: controller.signal }),
    );
    controller.abort();
    await expect(here).rejects.toThrow(ErrCanceled);
    await expect(there).rejects.toThrow(ErrCanceled);
    go.resolve();
    await running;
    expect(await ended()).toBe(-1);
  });

  it("takes no share when the signal has fired", async () => {
    await expect(lease.enter({ signal: AbortSignal.abort() })).rejects.toThrow(ErrCanceled);
    expect(lease.newest).toBe(-1);
  });

  it("waits for whoever holds the present epoch alone, as far as the signal allows", async () => {
    const release = await alone("in-use");
    const controller = new AbortController();
    const [leaving, staying] = [lease.enter({ signal: controller.signal }), other.enter()];
    controller.abort();
    await expect(leaving).rejects.toThrow(ErrCanceled);
    release();
    (await staying)();
  });

  it("makes one lock file where nothing is removed", async () => {
    const leave = await lease.enter();
    leave();
    expect(await readdir(join(root, "locks"))).toEqual(["in-use"]);
  });

  it("leaves one lock file, that of the current epoch", async () => {
    for (let index = 0; index < 3; index++) {
      const leave = await lease.enter();
      await moveOn();
      leave();
    }
    await ended();
    expect(await epochs()).toEqual(["3"]);
    expect(await readdir(join(root, "locks"))).toEqual(["epochs"]);
  });
});
