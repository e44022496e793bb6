import { dirname } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { type Algorithm, type Digest, Digester } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import { DataFile } from "./data-file.ts";
import { FileSink } from "./file-sink.ts";
import { hashFile } from "./hash-file.ts";

/** A file of an ingest that was handed over (`HandedFile`), as it is told to another thread. */
export interface FileToAppend {
  readonly path: string;
  readonly algorithm: Algorithm;
}

/** A file that was handed over, open. */
export interface OpenFileSink extends Disposable {
  /** Bytes in the file. */
  readonly offset: number;
  /** Appends; throws the classes of `diskError`. */
  write(bytes: Uint8Array): void;
  /** Digest of all that the file holds. */
  digest(): Digest;
}

/**
 * Opens the file of a writer that has handed it over, and reads what it holds through the hash. Whoever opens it disposes of it before
 * the file goes back to its writer. Throws the classes of `diskError`, and the abort error.
 */
export async function openFileSink(
  { path, algorithm }: FileToAppend,
  options: AbortOptions = {},
): Promise<OpenFileSink> {
  const digester = new Digester(algorithm);
  let file: DataFile | undefined;
  try {
    file = new DataFile(path, "r+");
    const offset = await hashFile(file, digester, options);
    const sink = new FileSink({ fd: file.fd, path: dirname(path), offset, digester });
    const close = file.close.bind(file);
    return {
      get offset() {
        return sink.offset;
      },
      write: (bytes) => sink.write(bytes),
      digest: () => digester.digest(),
      [Symbol.dispose]: close,
    };
  } catch (cause) {
    file?.close();
    throw diskError("open ingest", dirname(path), cause);
  }
}
