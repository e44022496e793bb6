import { once } from "node:events";
import type { Command } from "commander";
import { parseDigest, type Store } from "../../content.ts";
import { formatBytes } from "../format-bytes.ts";
import { formatTable } from "../format-table.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";

/** Bytes read at once by `content get`. */
const READ_BYTES = 1024 * 1024;

/** `drayage content ls|get|active|rm` */
export function addContentCommand(program: Command, signal: AbortSignal): void {
  const content = program.command("content").description("look at the blobs of the data root");

  addRootOptions(content.command("ls").description("list blobs")).action((options: RootOptions) =>
    withStore(options, (store) => list(store, signal)),
  );
  addRootOptions(content.command("get").description("write a blob to stdout").argument("<digest>")).action(
    (digest: string, options: RootOptions) => withStore(options, (store) => get(store, digest, signal)),
  );
  addRootOptions(content.command("active").description("list unfinished ingests")).action(
    (options: RootOptions) => withStore(options, (store) => active(store, signal)),
  );
  addRootOptions(content.command("rm").description("remove blobs").argument("<digest...>")).action(
    (digests: readonly string[], options: RootOptions) =>
      withStore(options, (store) => remove(store, digests, signal)),
  );
}

async function withStore(options: RootOptions, use: (store: Store) => Promise<void>): Promise<void> {
  await using distribution = await openRoot(options);
  await use(distribution.content);
}

async function list(store: Store, signal: AbortSignal): Promise<void> {
  const rows = [["DIGEST", "SIZE", "CREATED", "LABELS"]];
  for await (const { digest, size, createdAtNs, labels } of store.walk({ signal })) {
    const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    rows.push([digest, formatBytes(size), isoTime(createdAtNs), pairs.toSorted().join(",") || "-"]);
  }
  process.stdout.write(formatTable(rows));
}

async function get(store: Store, digest: string, signal: AbortSignal): Promise<void> {
  await using reader = await store.readerAt({ digest: parseDigest(digest) }, { signal });
  for (let offset = 0; offset < reader.size; ) {
    const buffer = new Uint8Array(Math.min(READ_BYTES, reader.size - offset));
    const count = await reader.readAt(buffer, offset);
    if (count === 0) break;
    offset += count;
    if (!process.stdout.write(buffer.subarray(0, count))) await once(process.stdout, "drain", { signal });
  }
}

async function active(store: Store, signal: AbortSignal): Promise<void> {
  const rows = [["REF", "SIZE", "TOTAL", "STARTED", "UPDATED"]];
  for (const { ref, offset, total, startedAtNs, updatedAtNs } of await store.listStatuses({ signal })) {
    const announced = total > 0 ? formatBytes(total) : "-";
    rows.push([ref, formatBytes(offset), announced, isoTime(startedAtNs), isoTime(updatedAtNs)]);
  }
  process.stdout.write(formatTable(rows));
}

async function remove(store: Store, digests: readonly string[], signal: AbortSignal): Promise<void> {
  for (const digest of digests) {
    await store.delete(parseDigest(digest), { signal });
    process.stdout.write(`${digest}\n`);
  }
}

/** Nanoseconds since the epoch, to the millisecond. */
function isoTime(timeNs: bigint): string {
  return new Date(Number(timeNs / 1_000_000n)).toISOString();
}
