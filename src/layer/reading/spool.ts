import { unlinkSync } from "node:fs";
import { join } from "node:path";
import type { TarEntry } from "../../tar/tar-entry.ts";
import type { OpenFile } from "../unpack/entry-files.ts";
import { FileWriter } from "../unpack/file-writer.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import { OwnerPolicy } from "../unpack/owner-policy.ts";
import { readUmask } from "../unpack/umask.ts";
import type { KnownFile } from "./known-entry.ts";

/** Keeps files complete in a directory of its own until their place is known. Its methods throw what the file calls throw. */
export class Spool {
  readonly #directory: string;
  readonly #owners: OwnerPolicy;
  readonly #umask = readUmask();
  #files = 0;

  /** @param directory an empty directory that nobody else touches, on the file system that the files are for */
  constructor(directory: string, host: HostAbilities) {
    this.#directory = directory;
    this.#owners = new OwnerPolicy(host);
  }

  /** Begins a file. */
  begin(file: KnownFile, entry: TarEntry): OpenFile {
    const path = join(this.#directory, String(this.#files++));
    const writer = new FileWriter(path, entry, this.#umask);
    file.spooled = path;
    return {
      write: (piece) => writer.write(piece),
      finish: () => writer.finish({ givesOwner: this.#owners.judge(entry) === "give" }),
      close: () => writer.close(),
    };
  }
}

/** One name of a file is gone; with the last one its content goes. */
export function dropName(file: KnownFile): void {
  file.names--;
  if (file.names > 0 || file.spooled === undefined) return;
  unlinkSync(file.spooled);
  file.spooled = undefined;
}
