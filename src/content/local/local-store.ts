import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory, ROOT_MODE } from "../../disk/make-directory.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../errors/classes.ts";
import { checkOptions } from "../../options/check-options.ts";
import { type RulesOf, required, withMethods } from "../../options/rule.ts";
import { aBoolean, aMode, aPath } from "../../options/rules.ts";
import { guardLogCall } from "../../progress/guard-log-call.ts";
import { checkedStore, checkedView } from "../checked-store.ts";
import type { LabelStore } from "../labels/label-store.ts";
import { SqliteLabelStore } from "../labels/sqlite-label-store.ts";
import { SqliteNamespaceMetadata } from "../namespaces/sqlite-namespace-metadata.ts";
import { ContentOwner, type OwnerLogger } from "../ownership/content-owner.ts";
import { readingStore } from "../ownership/reading-store.ts";
import { Layout } from "./layout.ts";
import { LocalBlobs } from "./local-blobs.ts";
import { LocalContentStore, type LocalStore } from "./local-content-store.ts";
import { sweepRemoved } from "./sweep-ingests.ts";

/** How a local store is opened. */
export interface LocalStoreOptions {
  /**
   * Directory of the store; made when it is missing.
   * @example root: "/var/lib/engine/content"
   */
  readonly root: string;
  /**
   * Where labels are kept. The caller closes a store that it passes.
   * @defaultValue `<root>/meta.db`
   * @example labels
   */
  readonly labels?: LabelStore | undefined;
  /**
   * Permissions of a root that is made here, such as 0o750 for readers of its group.
   * @unit permissions
   * @defaultValue 0o700
   * @example mode: 0o750
   */
  readonly mode?: number | undefined;
  /**
   * Told what a person should know, such as a document that is damaged, or metadata that was set aside.
   * @defaultValue nobody is told
   * @example logger
   */
  readonly logger?: OwnerLogger | undefined;
  /**
   * Only reads: nothing is made or removed, no lock is taken, and everything that writes throws `ErrFailedPrecondition`. A root that is not
   * there is `ErrNotFound`. Labels may be those of a moment ago while another process writes them.
   * @defaultValue `false`
   * @example readOnly: true
   */
  readonly readOnly?: boolean | undefined;
}

const LOCAL_STORE_OPTIONS: RulesOf<LocalStoreOptions> = {
  root: required(aPath),
  labels: withMethods("get", "set"),
  logger: withMethods("warn"),
  mode: aMode,
  readOnly: aBoolean,
};

/**
 * Opens the content store at `root`: `blobs/<algorithm>/<hex>` is an OCI image layout's, `ingest/` containerd's.
 * Several stores, in one process or in many, may share a root. Everything below the root is made when it is needed,
 * so that a read-only root can be read. Throws `ErrInvalidArgument` for options that cannot be, and the classes of
 * `diskError` for a root that cannot be used.
 */
export async function openLocalStore(options: LocalStoreOptions): Promise<LocalStore> {
  checkOptions("open content store", options, LOCAL_STORE_OPTIONS);
  const store = await openTrustedStore(options);
  return options.readOnly ? checkedView(store) : checkedStore(store); // what refuses to write is one already that stands for another
}

/**
 * The same without a look at what it and its methods are called with, for those who know that it is right: each small blob of a pull
 * makes some ten calls. Throws the classes of `diskError`.
 */
export async function openTrustedStore(options: LocalStoreOptions): Promise<LocalStore> {
  const { root, labels: given, logger, mode = ROOT_MODE, readOnly = false } = options;
  const layout = new Layout(resolve(root));
  if (readOnly) {
    await requireDirectory(layout.root);
  } else {
    await makeDirectory(layout.root, { mode });
    await sweepRemoved(layout);
  }
  const warn = guardLogCall((details, message) => logger?.warn(details, message));
  const own = new SqliteLabelStore(layout.metadata, { warn, readOnly }); // it opens nothing until it is asked
  const labels = given ?? own;
  const namespaces = new SqliteNamespaceMetadata(layout, { readOnly });
  const blobs = new LocalBlobs(layout, labels);
  const owner = new ContentOwner({ root: layout.root, blobs, namespaces, readOnly, logger: { warn } });
  const store = new LocalContentStore(layout, { labels, owner, namespaces, owned: [own, namespaces] });
  return readOnly ? readingStore(store) : store;
}

async function requireDirectory(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (cause) {
    if (!isMissingFile(cause)) throw diskError("open content store", path, cause);
    throw new ErrNotFound(`open content store "${path}": there is none`, { cause });
  }
  throw new ErrFailedPrecondition(`open content store "${path}": not a directory`);
}
