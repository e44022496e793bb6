import type { TarEntry } from "../../tar/tar-entry.ts";

/** What is remembered of an entry. */
export type KnownEntry = Omit<TarEntry, "name" | "flag">;

/** What is remembered of an entry, without the long name that its archive has for it. */
export function knownEntry(entry: TarEntry): KnownEntry {
  const { name: _, flag: __, ...known } = entry;
  return known;
}

/** A file, link, device or FIFO of an image, which may have several names. */
export class KnownFile {
  readonly entry: KnownEntry;
  /** Which layer has it, from 0 for the lowest. */
  readonly layer: number;
  /** Its place among the entries of that layer, from 1. */
  readonly order: number;
  /** How many names it has. */
  names = 1;
  /** Where its content is kept meanwhile. */
  spooled: string | undefined;

  constructor(entry: KnownEntry, layer: number, order: number) {
    this.entry = entry;
    this.layer = layer;
    this.order = order;
  }
}
