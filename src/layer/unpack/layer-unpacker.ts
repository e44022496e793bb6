import { constants, openSync } from "node:fs";
import type { Steps } from "../../async/slices.ts";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { diskError } from "../../disk/disk-error.ts";
import { ErrResourceExhausted } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import { TarReader } from "../../tar/tar-reader.ts";
import { DirectoryTree, type LowerLinks } from "./directory-tree.ts";
import { DiskFiles } from "./disk-files.ts";
import { EntryMaker } from "./entry-maker.ts";
import { atEntry, errorAtEntry, shownName } from "./entry-name.ts";
import { finishLayer } from "./finish-layer.ts";
import type { HostAbilities } from "./host-abilities.ts";
import type { UnpackLimits } from "./unpack-limits.ts";
import type { UnpackOutcome } from "./unpack-outcome.ts";

/** For messages. */
const ACTION = "unpack entry";

/** Where a layer is unpacked, and within which bounds. */
export interface UnpackRequest {
  /** An empty directory that nobody else touches. */
  readonly directory: string;
  readonly limits: UnpackLimits;
  readonly host: HostAbilities;
  /** Links of lower layers that lead to directories of this one's entries. Absent: none is known. */
  readonly lowerLinks?: LowerLinks | undefined;
  /** Whether there are layers below of which something may be hidden. Default true. */
  readonly hides?: boolean | undefined;
}

/**
 * Unpacks one layer, whose archive is pushed, by synchronous calls: what is written is on the disk when `write` returns. Nothing
 * outside the directory is touched, whatever the archive says. The directory is what the archive says once `finish` has done its last step,
 * and nothing before; the caller calls `close` in any case.
 */
export class LayerUnpacker {
  readonly #request: UnpackRequest;
  readonly #rootFd: number;
  readonly #files = new DiskFiles();
  readonly #tree: DirectoryTree;
  readonly #maker: EntryMaker;
  readonly #reader: TarReader;
  /** The last entry that began, for messages. */
  #last: ByteString = "";
  #entries = 0;
  #bytes = 0;
  #tarBytes = 0;

  /** Throws the classes of `diskError` when the directory cannot be opened. */
  constructor(request: UnpackRequest) {
    const { directory, host, lowerLinks } = request;
    this.#request = request;
    this.#rootFd = openRoot(directory);
    this.#tree = new DirectoryTree(this.#files, { rootFd: this.#rootFd, lowerLinks });
    this.#maker = new EntryMaker(this.#tree, this.#files, host);
    this.#reader = new TarReader({
      begin: (entry) => this.#begin(entry),
      content: (piece) => this.#maker.content(piece),
      end: () => this.#maker.end(),
    });
  }

  /** Entries that have begun. */
  get entries(): number {
    return this.#entries;
  }

  /**
   * Takes the next bytes of the archive. Throws `ErrInvalidArgument` for what no layer may hold, `ErrDataLoss` for an archive that
   * is damaged, `ErrResourceExhausted` beyond a limit, and the classes of `diskError`. Nothing may be written after an error.
   */
  write(chunk: Uint8Array): void {
    this.#tarBytes += chunk.byteLength;
    const { maxBytes } = this.#request.limits;
    if (this.#tarBytes > maxBytes) {
      const message = `unpack layer: got more than ${maxBytes} bytes without its compression`;
      throw new ErrResourceExhausted(message, { retryable: false });
    }
    this.#typed(() => this.#reader.write(chunk));
  }

  /** The archive has ended: throws as `write` does when it should not have, in its bytes. */
  endArchive(): void {
    this.#typed(() => this.#reader.finish());
  }

  /** Makes what had to wait for the end. Throws as `write` does. */
  *finish(): Steps<Omit<UnpackOutcome, "diffId">> {
    const { host, hides } = this.#request;
    try {
      const rest = yield* finishLayer(this.#tree, { files: this.#files, host, maker: this.#maker, hides });
      return { ...rest, entries: this.#entries, bytes: this.#bytes, tarBytes: this.#tarBytes };
    } catch (cause) {
      throw errorAtEntry(ACTION, this.#last, cause);
    }
  }

  /** Closes what is open. */
  close(): void {
    this.#maker.close();
    this.#files.close();
    closeQuietly(this.#rootFd);
  }

  #begin(entry: TarEntry): void {
    const { maxEntries, maxBytes } = this.#request.limits;
    this.#last = entry.name;
    this.#entries++;
    if (this.#entries > maxEntries) throw this.#tooMuch(`more than ${maxEntries} entries`);
    if (entry.size > maxBytes) throw this.#tooMuch(`more than ${maxBytes} bytes in all`);
    if (entry.type === "file") this.#bytes += entry.size;
    this.#maker.begin(entry);
  }

  #tooMuch(reason: string): ErrResourceExhausted {
    const message = `unpack layer: with entry "${shownName(this.#last)}" it has ${reason}`;
    return new ErrResourceExhausted(message, { retryable: false });
  }

  #typed<T>(work: () => T): T {
    return atEntry(ACTION, () => this.#last, work);
  }
}

function openRoot(directory: string): number {
  try {
    return openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw diskError("open directory", directory, cause);
  }
}
