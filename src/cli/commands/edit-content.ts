import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, digestOf, exists, readBlob, type Store, writeBlob } from "../../content.ts";
import { ErrAlreadyExists, ErrFailedPrecondition, ErrInvalidArgument } from "../../errors.ts";

/** Largest blob that is edited, in bytes: both it and what comes of it are held in memory. */
const MAX_EDIT_BYTES = 8 * 1024 * 1024;

/** How a blob is edited. */
export interface EditOptions {
  /** Command that gets the path of a file; run by the shell. */
  readonly editor: string | undefined;
  /** The editor is waited for even then: it has the terminal, and an interrupt of its own. */
  readonly signal: AbortSignal;
}

/**
 * Opens a copy of a blob in an editor and stores what comes of it as another blob, whose digest is returned; the first
 * one stays. As with `ctr`, what is there already, above all a copy that nobody changed, is an error
 * (`ErrAlreadyExists`), and nothing is written then.
 */
export async function editContent(
  store: Store,
  digest: Digest,
  { editor, signal }: EditOptions,
): Promise<Digest> {
  if (!editor) throw new ErrInvalidArgument("editor is required: set EDITOR, or pass --editor");
  const { size } = await store.info(digest, { signal });
  const before = await readBlob(store, { digest, size }, { maxBytes: MAX_EDIT_BYTES, signal });
  const after = await editBytes(before, editor);
  const edited = digestOf(after);
  if (await exists(store, edited, { signal })) {
    throw new ErrAlreadyExists(`blob with digest ${edited} exists`, { digest: edited });
  }
  // Named by what it holds: what an interrupted edit has left is continued by the same bytes only.
  await writeBlob(store, `edit-${edited}`, after, { digest: edited, size: after.byteLength, signal });
  return edited;
}

async function editBytes(bytes: Uint8Array, editor: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "drayage-edit-"));
  try {
    const path = join(folder, "blob");
    await writeFile(path, bytes, { mode: 0o600 });
    await runEditor(editor, path);
    return await readEdited(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readEdited(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= MAX_EDIT_BYTES) return await readFile(path);
    throw new ErrFailedPrecondition(`got ${size} bytes, want at most ${MAX_EDIT_BYTES}`);
  } catch (cause) {
    throw new ErrFailedPrecondition(`edited copy: ${(cause as Error).message}`, { cause });
  }
}

/** By the shell, because the variables of editors hold arguments too, as in `code --wait`. */
async function runEditor(editor: string, path: string): Promise<void> {
  const child = spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", path], { stdio: "inherit" });
  const [status, killedBy] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (status === 0) return;
  throw new ErrFailedPrecondition(`editor ${JSON.stringify(editor)} ended with ${status ?? killedBy}`);
}
