/** Loaded before everything else: writes each renaming of a layer to or from its place to the file `RENAMES`, a line for each. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { RENAMES = "" } = process.env;
const { rename } = fs.promises;

fs.promises.rename = async (from, to) => {
  await rename(from, to);
  const [, made] = /\/layers\/sha256\/(\w{64})$/.exec(String(to)) ?? [];
  const [, gone] = /\/layers\/sha256\/(\w{64})$/.exec(String(from)) ?? [];
  if (made !== undefined) fs.appendFileSync(RENAMES, `made sha256:${made}\n`);
  if (gone !== undefined) fs.appendFileSync(RENAMES, `gone sha256:${gone}\n`);
};
syncBuiltinESMExports();
