import { join } from "node:path";
import { writeFileAtomic } from "../../src/disk/write-file-atomic.ts";

/** Replaces files over and over until it is told to end: `writing-child.ts <directory> <name>...`. A failed write ends it as well. */
const [, , directory = "", ...names] = process.argv;
let isOver = false;
process.once("message", () => {
  isOver = true;
});
process.send?.("ready");
const text = "x".repeat(100_000);
while (!isOver) await Promise.all(names.map((name) => writeFileAtomic(join(directory, name), text)));
process.disconnect();
