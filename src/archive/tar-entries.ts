import { once } from "node:events";
import { type Extract, type ExtractEvents, extract } from "tar-stream";
import { type AbortOptions, abortError } from "../async/abort.ts";
import { ErrDataLoss, ErrInvalidArgument } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";

/** One entry of a tar archive. */
export interface TarEntry {
  /** As the archive has it: nothing about it can be trusted. */
  readonly name: string;
  /** `other` is everything that holds no bytes of its own or that we do not understand: directories, devices, sparse files. */
  readonly type: "file" | "symlink" | "hardlink" | "other";
  /** Size of the content in bytes. */
  readonly size: number;
  /** Where a link leads, as the archive has it; empty for all others. */
  readonly linkName: string;
  /** The content. It ends with the turn of the entry; what is left unread is passed over. */
  readonly content: AsyncIterable<Uint8Array>;
}

type Entry = ExtractEvents["entry"][1];

const TYPES: ReadonlyMap<string, TarEntry["type"]> = new Map([
  ["file", "file"],
  ["contiguous-file", "file"],
  ["symlink", "symlink"],
  ["link", "hardlink"],
]);

/**
 * The entries of a tar archive as they come, ustar, GNU or pax. Takes no more of `source` than the reader of the entries has
 * room for. Throws `ErrInvalidArgument` for what is no tar archive, `ErrDataLoss` for one that is damaged or ends early, what
 * the source throws if it is an error of ours, and the abort error.
 */
export async function* tarEntries(
  source: AsyncIterable<Uint8Array>,
  { signal }: AbortOptions = {},
): AsyncGenerator<TarEntry> {
  const archive = extract();
  const entries = archive[Symbol.asyncIterator](); // before the first byte: it listens for errors
  const stop = new AbortController();
  const onAbort = (): void => {
    if (signal) archive.destroy(abortError(signal));
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  else void feed(archive, source, stop.signal);
  let first = true;
  try {
    for (;;) {
      const next = await entries.next().catch((cause: unknown) => {
        throw archiveError(cause, first);
      });
      if (next.done === true) return;
      first = false;
      yield describe(next.value);
      next.value.resume();
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    stop.abort();
    archive.destroy();
  }
}

/** Never rejects: what goes wrong ends the archive, and so reaches its reader. */
async function feed(archive: Extract, source: AsyncIterable<Uint8Array>, stop: AbortSignal): Promise<void> {
  try {
    for await (const chunk of source) {
      if (stop.aborted) return;
      if (!archive.write(chunk)) await once(archive, "drain", { signal: stop });
    }
    archive.end(undefined);
  } catch (error) {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function describe(entry: Entry): TarEntry {
  const { name, type, size, linkname } = entry.header;
  return {
    name,
    type: TYPES.get(type) ?? "other",
    size,
    linkName: linkname ?? "", // null where there is none, whatever its type says
    content: contentOf(entry),
  };
}

async function* contentOf(entry: Entry): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of entry) yield chunk as Uint8Array;
  } catch (cause) {
    throw archiveError(cause, false);
  }
}

function archiveError(cause: unknown, first: boolean): Error {
  if (cause instanceof Error && isDrayageError(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return first
    ? new ErrInvalidArgument(`read archive: not a tar archive, plain or in gzip or zstd: ${reason}`, {
        cause,
      })
    : new ErrDataLoss(`read archive: damaged or incomplete: ${reason}`, { cause });
}
