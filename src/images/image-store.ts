import type { AbortOptions } from "../async/abort.ts";
import type { WaitOptions } from "../async/waiting.ts";
import type { Digest } from "../digest/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** A name and what it points at. */
export interface Image {
  /** The full name: `docker.io/library/redis:7` or `docker.io/library/redis@sha256:...`. */
  readonly name: string;
  readonly target: Descriptor;
}

/**
 * Why something happened to a name or a content: the verb that did it, or
 *
 * - `leftover`: content that work brought which then failed, or that was given up
 * - `elsewhere`: another process, or whoever else writes to the data root
 */
export type ImageCause =
  | "pull"
  | "push"
  | "import"
  | "tag"
  | "untag"
  | "remove"
  | "prune"
  | "leftover"
  | "elsewhere";

/** What happened to a name. */
export interface ImageEvent {
  readonly name: string;
  /** Digest of the target. */
  readonly digest: Digest;
  /** What the name points at now; of one that was taken away, what it pointed at. */
  readonly target: Descriptor;
  /** What it pointed at before, of a name that was there when it was pulled or tagged. The same as `target` where nothing changed. */
  readonly previous: Descriptor | undefined;
  readonly cause: ImageCause;
}

/** A content is gone. */
export interface DeleteEvent {
  /** The name by which it was here; empty when that is not known, or there was none. */
  readonly name: string;
  readonly digest: Digest;
  /** Why: what became of that name, or what found that nothing needs the content. */
  readonly cause: ImageCause;
}

/** Event names and their arguments, for eventemitter3. */
export interface ImageEvents {
  pull: [event: ImageEvent];
  push: [event: ImageEvent];
  tag: [event: ImageEvent];
  untag: [event: ImageEvent];
  delete: [event: DeleteEvent];
}

/** How a name is made. */
export interface TagOptions extends WaitOptions {
  /**
   * What makes it, for the event.
   * @defaultValue `"tag"`
   * @example cause: "import"
   */
  readonly cause?: ImageCause | undefined;
}

/** The names of a data root, kept in `index.json` so that every OCI tool finds them. Safe across processes. */
export interface ImageStore {
  /** Throws `ErrNotFound`. `name` may be in familiar form. */
  get(name: string, options?: AbortOptions): Promise<Image>;
  /** All names, sorted. */
  list(options?: AbortOptions): Promise<readonly Image[]>;
  /** What must stay in the store: the targets of all names, and entries of other tools that have no name. */
  roots(options?: AbortOptions): Promise<readonly Descriptor[]>;
  /** Makes `name` point at `target`; returns what it pointed at before. Emits `tag`. */
  tag(name: string, target: Descriptor, options?: TagOptions): Promise<Descriptor | undefined>;
  /** Removes a name, not its content. Returns what it was. Throws `ErrNotFound`. Emits `untag`. */
  untag(name: string, options?: WaitOptions): Promise<Image>;
}
