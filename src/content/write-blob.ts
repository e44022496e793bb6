import type { AbortOptions } from "../async/abort.ts";
import type { Clock } from "../async/clock.ts";
import type { Digest } from "../digest/digest.ts";
import { copy } from "./copy.ts";
import type { CopySource } from "./copy-source.ts";
import { openWriter } from "./open-writer.ts";
import type { Ingester } from "./store.ts";
import { unlessExists } from "./unless-exists.ts";

/** What is written; a descriptor will do. */
export interface WriteBlobOptions extends AbortOptions {
  /**
   * Digest to insist on.
   * @defaultValue not checked
   * @example digest: digestOf("hello")
   */
  readonly digest?: Digest | undefined;
  /**
   * Size to insist on, in bytes; 0: not checked.
   * @unit bytes
   * @defaultValue not checked
   * @example size: 5
   */
  readonly size?: number | undefined;
  /**
   * Labels of the new blob; a blob that is there already keeps its own.
   * @defaultValue none
   * @example labels: { team: "web" }
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * Measures the pauses while another writer has the ref.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
}

/**
 * Writes all of `source` as one blob and commits it; success, and the source not touched, when it is there already
 * (containerd's `content.WriteBlob`). Waits for the ref as `openWriter` does, then goes on as `copy` does, and throws what
 * they throw; the ingest stays then.
 */
export async function writeBlob(
  ingester: Ingester,
  ref: string,
  source: CopySource,
  options: WriteBlobOptions = {},
): Promise<void> {
  const { digest: expected, size, labels, signal, clock } = options;
  const writer = await unlessExists(openWriter(ingester, { ref, size, expected, signal, clock }));
  if (!writer) return;
  try {
    await copy(writer, source, { size, expected, labels, signal });
  } catch (error) {
    await writer.close().catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}
