import type { Writable } from "node:stream";
import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import type { Store } from "../content/store.ts";
import { isReplaceable } from "../disk/is-replaceable.ts";
import { writeFileAtomic } from "../disk/write-file-atomic.ts";
import { ErrFailedPrecondition } from "../errors/classes.ts";
import type { Image } from "../images/image-store.ts";
import { exportedFiles } from "./exported-files.ts";
import { writeStream } from "./write-stream.ts";
import { writeTar } from "./write-tar.ts";

/** What an export may be told. */
export interface ExportOptions extends AbortOptions {
  /**
   * `os/arch[/variant]`: take only the image of an index that fits best.
   * @defaultValue every image that is there whole
   * @example platform: "linux/amd64"
   */
  readonly platform?: string | undefined;
}

/** Where an export takes things from. */
export interface ExportSource {
  readonly content: Store;
}

/**
 * Writes images as an OCI layout in a tar archive that docker, containerd, podman and skopeo read too. The bytes depend only on
 * what is exported. A path is replaced atomically; a stream stays its owner's, to end or, when the export fails, to destroy, and
 * never gets more than it has room for. Every blob is verified on its way. Throws `ErrNotFound` for a name or content that is not
 * there, `ErrInvalidArgument` for a malformed reference or platform, `ErrDataLoss` for a damaged blob, the classes of
 * `diskError`, the stream's own errors, and the abort error.
 */
export async function exportImages(
  images: readonly Image[],
  target: string | Writable,
  { content, platform, signal }: ExportSource & ExportOptions,
): Promise<void> {
  const files = await exportedFiles(content, images, { platform, signal });
  const archive = untilAborted(writeTar(files), signal);
  if (typeof target !== "string") return await writeStream(archive, target, { signal });
  if (!(await isReplaceable("write archive", target)))
    throw new ErrFailedPrecondition(
      `write archive "${target}": got something else than a file in this place`,
    );
  await writeFileAtomic(target, archive);
}

async function* untilAborted(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    throwIfAborted(signal);
    yield chunk;
  }
}
