import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { findAbilities } from "../../../src/layer/unpack/find-abilities.ts";
import { openLayerStore } from "../../../src/layer.ts";
import { chainIds } from "../../../src/oci/chain-id.ts";
import { type WrittenEntry, writeTestTar } from "../../tar/support/tar-writer.ts";
import { treeOf } from "../unpack/support/tree.ts";

const { overlay } = await findAbilities(tmpdir());

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drayage-single-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const dir = (name: string): WrittenEntry => ({ name, flag: "5", mode: 0o755 });
const file = (name: string): WrittenEntry => ({ name });

/** What hides something, in all the ways there are. */
const HIDING: readonly WrittenEntry[] = [
  dir("."),
  dir("marked"),
  file("marked/.wh..wh..opq"),
  dir("marked/within"),
  file("marked/within/.wh..wh..opq"),
  dir("replaced"),
  file("replaced/x"),
  file(".wh.replaced"),
  file(".wh.gone"),
  dir("d"),
  file("d/.wh.gone"),
];

/** What a bind mount of these layers shows: names with their types and attributes. */
async function boundTree(...layers: readonly (readonly WrittenEntry[])[]): Promise<unknown> {
  await using store = await openLayerStore({ root: join(folder, "root"), workers: 0 });
  const archives = layers.map((entries) => writeTestTar(entries));
  const chain = chainIds(archives.map((archive) => digestOf(archive)));
  mkdirSync(join(folder, "blobs"));
  for (const [at, chainId] of chain.entries()) {
    const archive = archives[at] ?? Buffer.alloc(0);
    const path = join(folder, "blobs", String(at));
    writeFileSync(path, archive);
    await store.register({ diffId: digestOf(archive), blob: { path } }, { chainId, parent: chain[at - 1] });
  }
  const { mounts } = await store.mounts(chain);
  expect(mounts).toEqual([{ type: "bind", source: expect.any(String), options: ["ro", "rbind"] }]);
  const tree = treeOf(mounts[0]?.source ?? "");
  return Object.fromEntries(Object.entries(tree).map(([path, { type, xattrs }]) => [path, [type, xattrs]]));
}

const SHOWN = {
  ".": ["directory", {}],
  "./d": ["directory", {}],
  "./marked": ["directory", {}],
  "./marked/within": ["directory", {}],
  "./replaced": ["directory", {}],
  "./replaced/x": ["file", {}],
};

// A bind mount shows marks as what they are, where an overlay keeps them to itself.
describe("a layer that is mounted alone shows nothing of what it would hide", () => {
  it("when it is the lowest", async () => {
    expect(await boundTree(HIDING)).toEqual(SHOWN);
  });

  it.skipIf(overlay === "none")("when its root is opaque", async () => {
    expect(
      await boundTree([file("gone"), dir("d"), file("d/gone")], [...HIDING, file(".wh..wh..opq")]),
    ).toEqual(SHOWN);
  });
});
