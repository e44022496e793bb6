/** A class of extended attributes that has rules of its own. */
export type XattrNamespace = "security" | "trusted" | "user";

/** What this process can do to files of one file system. What it cannot do is told before and recorded, never passed over in silence. */
export interface HostAbilities {
  /** Whether it has the rights of root, in its user namespace at least. */
  readonly isRoot: boolean;
  /** Whose files it can make: anybody's, those of the identities that its user namespace maps, or its own only. */
  readonly owners: "any" | "mapped" | "own";
  /** Whether it can make character and block devices. */
  readonly devices: boolean;
  /** Whether it can make FIFOs. */
  readonly fifos: boolean;
  /** Which extended attributes it can set. */
  readonly xattrs: readonly XattrNamespace[];
  /**
   * How the layer says what it hides. `trusted` and `user`: as overlayfs wants it, by 0:0 character devices and the attribute
   * `opaque` of `trusted.overlay` or `user.overlay`. `none`: by empty files as in the archive, `.wh.<name>` and `.wh..wh..opq`.
   */
  readonly overlay: "trusted" | "user" | "none";
  /** Path of GNU tar, which makes what Node.js cannot: devices, FIFOs, attributes. Absent: nothing of it can be made. */
  readonly tar?: string | undefined;
}
