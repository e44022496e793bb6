import type { Digest } from "../digest/digest.ts";

/** What a text names: a repository, perhaps one tag or one digest of it, or a digest alone. Never changes. */
export interface Reference {
  /** Host and port of the registry, as written. */
  readonly domain?: string;
  /** Repository within the registry; absent only when the reference is a digest alone. */
  readonly path?: string;
  readonly tag?: string;
  readonly digest?: Digest;
  /** `[domain/]path[:tag][@digest]`, or the digest alone. */
  toString(): string;
}

/** A reference with a repository. */
export interface NamedReference extends Reference {
  readonly path: string;
}

/** A reference in full form: the registry is known too. */
export interface NormalizedReference extends NamedReference {
  readonly domain: string;
}

interface ReferenceParts {
  readonly domain?: string | undefined;
  readonly path?: string | undefined;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

class ImageReference implements Reference {
  declare readonly domain?: string;
  declare readonly path?: string;
  declare readonly tag?: string;
  declare readonly digest?: Digest;

  constructor({ domain, path, tag, digest }: ReferenceParts) {
    if (domain !== undefined) this.domain = domain;
    if (path !== undefined) this.path = path;
    if (tag !== undefined) this.tag = tag;
    if (digest !== undefined) this.digest = digest;
    Object.freeze(this);
  }

  toString(): string {
    if (this.path === undefined) return this.digest ?? "";
    return `${fullName(this)}${suffix(this)}`;
  }
}

/** The reference of parts that are known to be valid. */
export function makeReference(parts: ReferenceParts & { path: string; domain: string }): NormalizedReference;
export function makeReference(parts: ReferenceParts & { path: string }): NamedReference;
export function makeReference(parts: ReferenceParts): Reference;
export function makeReference(parts: ReferenceParts): Reference {
  return new ImageReference(parts);
}

/** `[domain/]path` */
export function fullName({ domain, path = "" }: Reference): string {
  return domain === undefined ? path : `${domain}/${path}`;
}

/** `[:tag][@digest]` */
export function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
