import type { Command } from "commander";
import {
  exists,
  ingestedBytes,
  isOwned,
  parseDigest,
  readVerified,
  type Store,
  writeBlob,
} from "../../content.ts";
import { forEachArgument } from "../for-each-argument.ts";
import { formatBytes } from "../format-bytes.ts";
import { formatLabels, parseLabels } from "../label-arguments.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { KEPT, printLines, printTable, tell, writeBytes } from "../output.ts";
import { parseBytes } from "../quantities.ts";
import { editContent } from "./edit-content.ts";

/** Where the blobs are: a data root, or a content service that offers one. */
interface StoreOptions extends RootOptions {
  readonly address?: string;
  readonly namespace?: string;
}

/** `drayage content ls|get|active|rm|abort|label|ingest|edit` */
export function addContentCommand(program: Command, signal: AbortSignal): void {
  const content = program
    .command("content")
    .description("look at the blobs of a data root or a content service");
  const verb = (name: string, description: string): Command =>
    addRootOptions(content.command(name).description(description))
      .option("--address <address>", "ask a content service, such as unix:///run/containerd/containerd.sock")
      .option("--namespace <name>", "namespace at the service");

  verb("ls", "list blobs")
    .argument("[filter...]", "containerd's filters; any must hold")
    .action((filters: readonly string[], options: StoreOptions) =>
      withStore(options, (store) => list(store, filters, signal)),
    );
  verb("get", "write a blob to stdout")
    .argument("<digest>")
    .action((digest: string, options: StoreOptions) =>
      withStore(options, (store) => get(store, digest, signal)),
    );
  verb("active", "list unfinished ingests")
    .argument("[filter...]", "containerd's filters; any must hold")
    .action((filters: readonly string[], options: StoreOptions) =>
      withStore(options, (store) => active(store, filters, signal)),
    );
  verb("rm", "remove blobs")
    .argument("<digest...>")
    .option("--force", "remove also what an image or a namespace of the data root needs")
    .action((digests: readonly string[], { force, ...options }: StoreOptions & { force?: boolean }) =>
      withStore(options, (store) => remove(store, digests, { force, signal })),
    );
  verb("abort", "remove unfinished ingests")
    .argument("<ref...>")
    .action((refs: readonly string[], options: StoreOptions) =>
      withStore(options, (store) => forEachArgument(refs, (ref) => store.abort(ref, { signal }), signal)),
    );
  verb("label", "show or change the labels of a blob")
    .argument("<digest>")
    .argument("[key=value...]", "an empty value removes the label")
    .action((digest: string, pairs: readonly string[], options: StoreOptions) =>
      withStore(options, (store) => label(store, digest, { pairs, signal })),
    );
  verb("ingest", "store stdin as a blob")
    .argument("<ref>", "name of the ingest; the same name resumes it")
    .option("--expected-digest <digest>", "refuse other bytes")
    .option("--expected-size <bytes>", "refuse another size", parseBytes)
    .action((ref: string, options: StoreOptions & IngestOptions) =>
      withStore(options, (store) => ingest(store, ref, { ...options, signal })),
    );
  verb("edit", "change a copy of a blob in an editor and store it as a new blob")
    .argument("<digest>")
    .option("--editor <command>", "default $VISUAL, then $EDITOR")
    .action((digest: string, options: StoreOptions & { editor?: string }) =>
      withStore(options, async (store) => {
        const { VISUAL, EDITOR } = process.env;
        const editor = options.editor ?? (VISUAL || EDITOR);
        printLines(await editContent(store, parseDigest(digest), { editor, signal }));
      }),
    );
}

async function withStore(options: StoreOptions, use: (store: Store) => Promise<void>): Promise<void> {
  if (options.address === undefined) {
    await using distribution = await openRoot(options);
    await use(distribution.content);
    return;
  }
  const { proxyStore } = await import("../../content-grpc.ts"); // gRPC takes longer to load than all the rest
  await using store = proxyStore({ address: options.address, namespace: options.namespace });
  await use(store);
}

interface IngestOptions {
  readonly expectedDigest?: string;
  readonly expectedSize?: number;
}

async function ingest(
  store: Store,
  ref: string,
  { expectedDigest, expectedSize, signal }: IngestOptions & { signal: AbortSignal },
): Promise<void> {
  const digest = expectedDigest === undefined ? undefined : parseDigest(expectedDigest);
  await writeBlob(store, ref, process.stdin, { digest, size: expectedSize, signal });
}

async function label(
  store: Store,
  text: string,
  { pairs, signal }: { pairs: readonly string[]; signal: AbortSignal },
): Promise<void> {
  const digest = parseDigest(text);
  const changes = parseLabels(pairs);
  const paths = Object.keys(changes).map((key) => `labels.${key}`);
  const { labels } =
    paths.length === 0
      ? await store.info(digest, { signal })
      : await store.update({ digest, labels: changes }, paths);
  printLines(...formatLabels(labels));
}

async function list(store: Store, filters: readonly string[], signal: AbortSignal): Promise<void> {
  const rows = [["DIGEST", "SIZE", "CREATED", "LABELS"]];
  for await (const { digest, size, createdAtNs, labels } of store.walk({ filters, signal })) {
    const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    rows.push([digest, formatBytes(size), isoTime(createdAtNs), pairs.toSorted().join(",") || "-"]);
  }
  printTable(rows);
}

async function get(store: Store, digest: string, signal: AbortSignal): Promise<void> {
  for await (const chunk of readVerified(store, { digest: parseDigest(digest) }, { signal })) {
    await writeBytes(chunk, signal);
  }
}

async function active(store: Store, filters: readonly string[], signal: AbortSignal): Promise<void> {
  const rows = [["REF", "SIZE", "TOTAL", "STARTED", "UPDATED"]];
  for (const status of await store.listStatuses({ filters, signal })) {
    const { ref, total, startedAtNs, updatedAtNs } = status;
    const announced = total > 0 ? formatBytes(total) : "-";
    rows.push([
      ref,
      formatBytes(ingestedBytes(status)),
      announced,
      isoTime(startedAtNs),
      isoTime(updatedAtNs),
    ]);
  }
  printTable(rows);
}

async function remove(
  store: Store,
  digests: readonly string[],
  { force, signal }: { readonly force: boolean | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const removeOne = async (text: string): Promise<void> => {
    const digest = parseDigest(text);
    if (isOwned(store)) await store.delete(digest, { force, signal });
    else await store.delete(digest, { signal });
    printLines(digest);
    if (await exists(store, digest, { signal })) tell(KEPT);
  };
  await forEachArgument(digests, removeOne, signal);
}

/** Nanoseconds since the epoch, to the millisecond. */
function isoTime(timeNs: bigint): string {
  return new Date(Number(timeNs / 1_000_000n)).toISOString();
}
