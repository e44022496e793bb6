import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrCanceled } from "../../../src/errors.ts";
import { LayerLayout } from "../../../src/layer/store/layer-layout.ts";
import { tryLockAlone, UseLocks } from "../../../src/layer/store/use-locks.ts";

const LAYER = digestOf("layer");

let root: string;
let layout: LayerLayout;
let locks: UseLocks;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-uses-"));
  layout = new LayerLayout(root);
  locks = new UseLocks(layout);
});

afterEach(async () => {
  await locks.dropAll();
  await rm(root, { recursive: true, force: true });
});

describe("UseLocks", () => {
  it("keeps a layer from who would remove it until the last user has dropped it", async () => {
    await Promise.all([locks.hold(LAYER), locks.hold(LAYER)]);
    await locks.drop(LAYER);
    expect(await tryLockAlone(layout, LAYER)).toBeUndefined();
    await locks.drop(LAYER);
    const release = await tryLockAlone(layout, LAYER);
    expect(release).toBeDefined();
    release?.();
  });

  it("lets one who gives up leave those alone who wait with him", async () => {
    const release = await tryLockAlone(layout, LAYER);
    const controller = new AbortController();
    const leaving = locks.hold(LAYER, { signal: controller.signal });
    const staying = locks.hold(LAYER);
    controller.abort();
    await expect(leaving).rejects.toThrow(ErrCanceled);
    release?.();
    await staying;
    expect(await tryLockAlone(layout, LAYER)).toBeUndefined();
  });

  it("gives back what nobody waits for any more", async () => {
    const release = await tryLockAlone(layout, LAYER);
    const controller = new AbortController();
    const leaving = locks.hold(LAYER, { signal: controller.signal });
    controller.abort();
    await expect(leaving).rejects.toThrow(ErrCanceled);
    release?.();
    await locks.hold(LAYER);
    await locks.drop(LAYER);
    await locks.dropAll();
    const again = await tryLockAlone(layout, LAYER);
    again?.();
  });
});
