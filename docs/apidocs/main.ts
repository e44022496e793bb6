import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readApi } from "./read-api.ts";
import { writePages } from "./write-pages.ts";

/** Where the package carries its reference. */
const PLACE = "dist/docs";

const top = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const place = `${top}/${PLACE}`;
rmSync(place, { recursive: true, force: true });
mkdirSync(place, { recursive: true });
for (const [name, text] of writePages(readApi(top))) writeFileSync(`${place}/${name}`, text);
