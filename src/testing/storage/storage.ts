import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, isDigest } from "../../digest/digest.ts";
import type { BlobContent } from "./content.ts";
import { Upload } from "./upload.ts";

/** A manifest as pushed, and what the referrers API tells about it. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly subject?: Digest | undefined;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Everything under one repository name. */
export class Repository {
  readonly blobs = new Map<Digest, BlobContent>();
  readonly manifests = new Map<Digest, StoredManifest>();
  readonly tags = new Map<string, Digest>();
  readonly uploads = new Map<string, Upload>();

  /** The manifest that a tag or digest names. */
  manifest(reference: string): StoredManifest | undefined {
    const digest = isDigest(reference) ? reference : this.tags.get(reference);
    return digest === undefined ? undefined : this.manifests.get(digest);
  }

  /** Tags in lexical order. */
  sortedTags(): string[] {
    return [...this.tags.keys()].sort();
  }

  /** Whether nothing was ever pushed, or everything was deleted. */
  isEmpty(): boolean {
    return this.blobs.size === 0 && this.manifests.size === 0;
  }
}

/** All repositories, and the temporary directory for what was streamed in. */
export class Storage {
  readonly #repositories = new Map<string, Repository>();
  #directory: Promise<string> | undefined;

  /** The repository of this name, if anybody ever wrote to it. */
  find(name: string): Repository | undefined {
    return this.#repositories.get(name);
  }

  /** The repository of this name, new or not. */
  repository(name: string): Repository {
    const known = this.#repositories.get(name) ?? new Repository();
    this.#repositories.set(name, known);
    return known;
  }

  /** A blob that any repository holds. */
  findBlob(digest: Digest): BlobContent | undefined {
    for (const repository of this.#repositories.values()) {
      const blob = repository.blobs.get(digest);
      if (blob) return blob;
    }
    return undefined;
  }

  /** An upload session that belongs to no repository yet. The caller ends it. */
  async openUpload(): Promise<Upload> {
    this.#directory ??= mkdtemp(join(tmpdir(), "drayage-registry-"));
    return await Upload.open(await this.#directory);
  }

  /** Ends all sessions and removes all files. */
  async close(): Promise<void> {
    for (const { uploads } of this.#repositories.values()) {
      for (const upload of uploads.values()) await upload.discard();
      uploads.clear();
    }
    this.#repositories.clear();
    if (this.#directory) await rm(await this.#directory, { recursive: true, force: true });
  }
}
