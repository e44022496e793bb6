import { resolve } from "node:path";
import { makeDirectory, ROOT_MODE } from "../../disk/make-directory.ts";
import { checkOptions } from "../../options/check-options.ts";
import { type RulesOf, required, withMethods } from "../../options/rule.ts";
import { aMode, aPath } from "../../options/rules.ts";
import { guardLogCall } from "../../progress/guard-log-call.ts";
import { checkedStore } from "../checked-store.ts";
import type { LabelStore } from "../labels/label-store.ts";
import { SqliteLabelStore } from "../labels/sqlite-label-store.ts";
import { SqliteNamespaceMetadata } from "../namespaces/sqlite-namespace-metadata.ts";
import { ContentOwner, type OwnerLogger } from "../ownership/content-owner.ts";
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
}

const LOCAL_STORE_OPTIONS: RulesOf<LocalStoreOptions> = {
  root: required(aPath),
  labels: withMethods("get", "set"),
  logger: withMethods("warn"),
  mode: aMode,
};

/**
 * Opens the content store at `root`: `blobs/<algorithm>/<hex>` is an OCI image layout's, `ingest/` containerd's.
 * Several stores, in one process or in many, may share a root. Everything below the root is made when it is needed,
 * so that a read-only root can be read. Throws `ErrInvalidArgument` for options that cannot be, and the classes of
 * `diskError` for a root that cannot be used.
 */
export async function openLocalStore(options: LocalStoreOptions): Promise<LocalStore> {
  checkOptions("open content store", options, LOCAL_STORE_OPTIONS);
  const { root, labels: given, logger, mode = ROOT_MODE } = options;
  const layout = new Layout(resolve(root));
  await makeDirectory(layout.root, { mode });
  await sweepRemoved(layout);
  const warn = guardLogCall((details, message) => logger?.warn(details, message));
  const own = new SqliteLabelStore(layout.metadata, { warn }); // it opens nothing until it is asked
  const labels = given ?? own;
  const namespaces = new SqliteNamespaceMetadata(layout);
  const blobs = new LocalBlobs(layout, labels);
  const owner = new ContentOwner({ root: layout.root, blobs, namespaces, logger: { warn } });
  return checkedStore(new LocalContentStore(layout, { labels, owner, namespaces, owned: [own, namespaces] }));
}
