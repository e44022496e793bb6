import { randomUUID } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Algorithm, CANONICAL_ALGORITHM, type Digest, Digester } from "../../digest/digest.ts";
import { type BlobContent, fileContent } from "./content.ts";

/** One upload session: a file that grows, and its running digest. */
export class Upload {
  readonly id: string;
  /** Set once a part was of a size that only the last one may have. */
  isComplete = false;
  /** How many parts were taken, and bytes of the first one. */
  parts = 0;
  firstPartBytes = 0;
  readonly #path: string;
  readonly #file: FileHandle;
  #digester = new Digester();
  #size = 0;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(id: string, path: string, file: FileHandle) {
    this.id = id;
    this.#path = path;
    this.#file = file;
  }

  /** Starts a session in `directory`. `finish` or `discard` ends it. */
  static async open(directory: string): Promise<Upload> {
    const id = randomUUID();
    const path = join(directory, id);
    return new Upload(id, path, await open(path, "wx"));
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  /** Runs `work` when no other work of this session runs: two requests never write at the same time. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {}); // the failure belongs to the caller; the next one only waits
    return await result;
  }

  /** Appends; when the source fails, the bytes before the failure stay. */
  async append(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      await this.#file.appendFile(chunk);
      this.#digester.update(chunk);
      this.#size += chunk.byteLength;
    }
  }

  /** Forgets all bytes. */
  async clear(): Promise<void> {
    await this.#file.truncate(0);
    this.#digester = new Digester();
    this.#size = 0;
  }

  /** The digest of the bytes so far. */
  async digest(algorithm: Algorithm = CANONICAL_ALGORITHM): Promise<Digest> {
    if (algorithm === this.#digester.algorithm) return this.#digester.digest();
    const digester = new Digester(algorithm);
    for await (const chunk of this.#content().read(0, this.#size)) digester.update(chunk);
    return digester.digest();
  }

  /** Ends the session; the file lives on as content. */
  async finish(): Promise<BlobContent> {
    await this.#file.close();
    return this.#content();
  }

  /** Ends the session and removes its file. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  #content(): BlobContent {
    return fileContent(this.#path, this.#size);
  }
}
