import { createHash } from "node:crypto";
import { join } from "node:path";
import { ALGORITHMS, algorithmOf, type Digest, encodedOf, isDigest } from "../../digest/digest.ts";
import { namesIn } from "../../disk/names-in.ts";

/** Where layers and what belongs to them lie below a data root. */
export class LayerLayout {
  /** One directory per layer, `<algorithm>/<hex of its chain ID>`, and those below. */
  readonly layers: string;
  /** Layers that are half made or on their way out, one directory each. */
  readonly staging: string;
  /** Layers that were replaced while somebody may have used them, one directory each. */
  readonly replaced: string;
  /** Who keeps a layer, one file each. */
  readonly uses: string;
  /** Lock files, which other parts of the root share. */
  readonly locks: string;

  /** @param root the data root */
  constructor(root: string) {
    this.layers = join(root, "layers");
    this.staging = join(this.layers, "staging");
    this.replaced = join(this.layers, "replaced");
    this.uses = join(this.layers, "uses");
    this.locks = join(root, "locks");
  }

  /** Directory of a layer that is there. */
  layerPath(chainId: Digest): string {
    return join(this.layers, algorithmOf(chainId), encodedOf(chainId));
  }

  /** A place for what lay in the place of a layer; `distinction` tells it from others of the same layer. */
  replacedPath(chainId: Digest, distinction: string): string {
    return join(this.replaced, `${algorithmOf(chainId)}-${encodedOf(chainId)}-${distinction}`);
  }

  /** Which layer it was whose place something was taken from, by the name that `replacedPath` gave. */
  replacedChainId(name: string): Digest | undefined {
    const [algorithm, hex] = name.split("-");
    const digest = `${algorithm}:${hex}`;
    return isDigest(digest) ? digest : undefined;
  }

  /** What the layer is, in its directory or in that of a half-made one. */
  recordPath(directory: string): string {
    return join(directory, "layer.json");
  }

  /** The layer's own files and directories, in its directory or in that of a half-made one. */
  treePath(directory: string): string {
    return join(directory, "fs");
  }

  /** File that says that `user` keeps a layer. */
  usePath(user: string): string {
    return join(this.uses, createHash("sha256").update(user).digest("hex"));
  }

  /** Lock that is shared by those who use a layer, and taken alone by who removes it. */
  useLockPath(chainId: Digest): string {
    return join(this.locks, `layer-use-${algorithmOf(chainId)}-${encodedOf(chainId)}`);
  }

  /** Lock of the one who makes a layer. */
  makeLockPath(chainId: Digest): string {
    return join(this.locks, `layer-make-${algorithmOf(chainId)}-${encodedOf(chainId)}`);
  }

  /** Lock that is shared by who makes a layer visible or says that he keeps one, and taken alone by who removes some. */
  get changeLockPath(): string {
    return join(this.locks, "layers");
  }

  /** Lock that is held as long as somebody works in a directory of `staging`. */
  stagingLockPath(name: string): string {
    return join(this.locks, `layer-staging-${name}`);
  }

  /** Chain IDs of the layers that are there. Throws the classes of `diskError`. */
  async chainIds(): Promise<readonly Digest[]> {
    const found: Digest[] = [];
    for (const algorithm of ALGORITHMS) {
      for (const name of await namesIn(join(this.layers, algorithm))) {
        const digest = `${algorithm}:${name}`;
        if (isDigest(digest)) found.push(digest);
      }
    }
    return found;
  }
}
