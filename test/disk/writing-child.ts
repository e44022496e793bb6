import { join } from "node:path";
import { writeFileAtomic } from "../../src/disk/write-file-atomic.ts";

/** Replaces files over and over until it is told to end: `writing-child.ts <directory> <name>...`. A failed write ends it as well. */
const [, , directory = "", ...names] = process.argv;
const over = new AbortController();
process.once("message", () => over.abort());
process.send?.("ready");
const text = "x".repeat(100_000);
while (!over.signal.aborted) {
  await Promise.all(names.map((name) => writeFileAtomic(join(directory, name), text)));
}
process.disconnect();
