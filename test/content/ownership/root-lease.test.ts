import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RootLease } from "../../../src/content/ownership/root-lease.ts";
import { ErrCanceled } from "../../../src/errors.ts";

let root: string;
let idle: number;
let lease: RootLease;
/** Another process, as far as locks go. */
let other: RootLease;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-lease-"));
  idle = 0;
  lease = new RootLease(root, async () => {
    idle++;
  });
  other = new RootLease(root, async () => {});
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Work that goes on until it is told to end. */
function work(): {
  readonly run: () => Promise<void>;
  readonly begun: Promise<void>;
  readonly end: () => void;
} {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const run = async (): Promise<void> => {
    begun.resolve();
    await ended.promise;
  };
  return { run, begun: begun.promise, end: () => ended.resolve() };
}

const alone = (one: RootLease, run: () => Promise<unknown> = async () => "alone"): Promise<unknown> =>
  one.inTurn((tryAlone) => tryAlone(run));

describe("RootLease", () => {
  it("lets nobody be alone while work has a share, in this process or another", async () => {
    const { run, begun, end } = work();
    const shared = lease.share(run);
    await begun;
    expect(await alone(lease)).toBeUndefined();
    expect(await alone(other)).toBeUndefined();
    end();
    await shared;
    expect(await alone(other)).toBe("alone");
  });

  it.each(["the same", "another"])("keeps work of %s process out while somebody is alone", async (which) => {
    const removal = work();
    const removing = alone(which === "the same" ? lease : other, removal.run);
    await removal.begun;
    let begun = false;
    const shared = lease.share(async () => {
      begun = true;
    });
    await new Promise(setImmediate);
    expect(begun).toBe(false);
    removal.end();
    await Promise.all([removing, shared]);
    expect(begun).toBe(true);
  });

  it("takes the signal while it waits, for each who waits alone", async () => {
    const removal = work();
    const removing = alone(other, removal.run);
    await removal.begun;
    const controller = new AbortController();
    const leaving = lease.share(async () => {}, { signal: controller.signal });
    const staying = lease.share(async () => "worked");
    controller.abort();
    await expect(leaving).rejects.toThrow(ErrCanceled);
    removal.end();
    await removing;
    expect(await staying).toBe("worked");
  });

  it("says that it waits, and only then", async () => {
    const told: string[] = [];
    await lease.share(async () => {}, { onWait: () => told.push("free") });
    const removal = work();
    const removing = alone(other, removal.run);
    await removal.begun;
    const { promise, resolve } = Promise.withResolvers<void>();
    const shared = lease.share(async () => {}, {
      onWait: () => {
        told.push("taken");
        resolve();
      },
    });
    await promise;
    removal.end();
    await Promise.all([removing, shared]);
    expect(told).toEqual(["taken"]);
  });

  it("calls when the last share is given back, also after a failure", async () => {
    const { run, begun, end } = work();
    const shared = lease.share(run);
    await begun;
    await expect(lease.share(() => Promise.reject(new RangeError("broken")))).rejects.toThrow(RangeError);
    expect(idle).toBe(0);
    end();
    await shared;
    expect(idle).toBe(1);
  });

  it("lets removals go one after the other, and leave by their signal", async () => {
    const first = work();
    const running = lease.inTurn(first.run);
    await first.begun;
    const controller = new AbortController();
    const [here, there] = [lease, other].map((one) =>
      one.inTurn(async () => {}, { signal: controller.signal }),
    );
    controller.abort();
    await expect(here).rejects.toThrow(ErrCanceled);
    await expect(there).rejects.toThrow(ErrCanceled);
    first.end();
    await running;
    expect(await alone(other)).toBe("alone");
  });

  it("leaves no lock file of a removal", async () => {
    await alone(lease);
    expect(await readdir(join(root, "locks"))).toEqual([]);
  });
});
