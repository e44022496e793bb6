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

/** What happened to a name. */
export interface ImageEvent {
  readonly name: string;
  readonly digest: Digest;
}

/** Event names and their arguments, for eventemitter3. */
export interface ImageEvents {
  pull: [event: ImageEvent];
  push: [event: ImageEvent];
  tag: [event: ImageEvent];
  untag: [event: ImageEvent];
  delete: [event: ImageEvent];
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
  tag(name: string, target: Descriptor, options?: WaitOptions): Promise<Descriptor | undefined>;
  /** Removes a name, not its content. Returns what it was. Throws `ErrNotFound`. Emits `untag`. */
  untag(name: string, options?: WaitOptions): Promise<Image>;
}
