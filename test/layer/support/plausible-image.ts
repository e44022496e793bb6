import type { WrittenEntry } from "../../tar/support/tar-writer.ts";

/**
 * Of random entries those that an archive might have: the others lead through something that is no directory, as far as anybody can
 * tell without following links, or are hard links to nothing, which lead to something else here. One in ten stays as it is.
 */
export function plausibleImage(layers: ReadonlyArray<readonly WrittenEntry[]>): WrittenEntry[][] {
  const files: string[] = [];
  let number = 0;
  return layers.map((entries) =>
    entries.flatMap((entry) => {
      const isWild = ++number % 10 === 0;
      if (!isWild && files.some((one) => entry.name.startsWith(`${one}/`))) return [];
      const kept = isWild ? entry : withTarget(entry, files, number);
      note(kept, files);
      return [kept];
    }),
  );
}

function withTarget(entry: WrittenEntry, files: readonly string[], number: number): WrittenEntry {
  if (entry.flag !== "1" || files.includes(entry.linkName ?? "") || files.length === 0) return entry;
  return { ...entry, linkName: files[number % files.length] ?? "" };
}

/** Keeps what is known to be no directory, symbolic links apart. */
function note({ name, flag = "0" }: WrittenEntry, files: string[]): void {
  if (name.includes(".wh.")) return;
  const at = files.indexOf(name);
  if (at !== -1) files.splice(at, 1);
  if (flag !== "5" && flag !== "2") files.push(name);
}
