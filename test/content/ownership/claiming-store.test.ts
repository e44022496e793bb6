import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInThisContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LocalStore, openLocalStore } from "../../../src/content.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-claiming-"));
});

afterEach(() => rm(root, { recursive: true, force: true }));

/** The engine's own `await using`: what a test is compiled to takes more than that does. */
function useNatively(): (open: () => Promise<LocalStore>) => Promise<void> {
  return runInThisContext("(async (open) => { await using store = await open(); })") as never;
}

const openReading = (): Promise<LocalStore> => openLocalStore({ root, readOnly: true });

/** Node.js 22 has no such syntax. */
const hasUsing = Number.parseInt(process.versions.node, 10) >= 24;

describe("replaceMethods()", () => {
  it.runIf(hasUsing)("leaves what `await using` ends a store with", async () => {
    await expect(useNatively()(openReading)).resolves.toBeUndefined();
  });
});
