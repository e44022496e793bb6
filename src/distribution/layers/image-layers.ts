import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import type { LayerStore } from "../../layer/store/layer-store.ts";
import type { FoundLayers, SweepLayersOptions, SweptLayer } from "../../layer/store/sweep-layers.ts";
import type { Hidden } from "../../layer/tree/layer-tree.ts";

/** In the names of users of layers: an image, by the digest of its config. All others are the embedder's. */
const IMAGE = "image:";

/** The user of layers that an image is, as long as its config is there. */
export function imageUser(config: Digest): string {
  return `${IMAGE}${config}`;
}

/** The config of a user that is an image. */
function configOf(user: string): Digest | undefined {
  const config = user.startsWith(IMAGE) ? user.slice(IMAGE.length) : "";
  return isDigest(config) ? config : undefined;
}

/** Which content of a root is needed, and which is there. */
export interface RootContent {
  /** Whether a name or a namespace needs content, as things are now. */
  needs(): Promise<(digest: Digest) => Promise<boolean>>;
  /** Whether content is there. */
  has(digest: Digest): Promise<boolean>;
}

/** Which layers of a root are there, and who removes those of images that are gone. */
export class RootLayers {
  /** The data root. */
  readonly root: string;
  readonly #content: RootContent;
  readonly #isReadOnly: boolean;

  /**
   * @param root the data root
   * @param content documents of images, in whatever store
   * @param readOnly whether no lock may be taken
   */
  constructor(
    root: string,
    content: RootContent,
    { readOnly = false }: { readonly readOnly?: boolean | undefined } = {},
  ) {
    this.root = root;
    this.#content = content;
    this.#isReadOnly = readOnly;
  }

  /** All layers, and which of them nobody keeps. Throws the classes of `diskError`. */
  async list(options: AbortOptions): Promise<FoundLayers> {
    if (!(await this.isThere())) return { all: [], unused: [] };
    const { LayerFiles } = await import("../../layer/store/layer-files.ts");
    const { findLayers } = await import("../../layer/store/sweep-layers.ts");
    return await findLayers(new LayerFiles(this.root), {
      ...options,
      isUsed: this.#isKept(),
      unlocked: this.#isReadOnly,
    });
  }

  /** The store of the layers, which the caller closes; `undefined` where there are none. Throws the classes of `diskError`. */
  async open(): Promise<LayerStore | undefined> {
    if (!(await this.isThere())) return undefined;
    const { openLayerStore } = await import("../../layer/store/open-layer-store.ts");
    return await openLayerStore({ root: this.root });
  }

  /** Whether a layer is unpacked. Throws the classes of `diskError`. */
  async has(chainId: Digest): Promise<boolean> {
    const { LayerFiles } = await import("../../layer/store/layer-files.ts");
    return (await new LayerFiles(this.root).find(chainId)) !== undefined;
  }

  /** What a layer that is there hides. Throws the classes of `diskError`. */
  async hidden(chainId: Digest): Promise<Hidden> {
    const { LayerFiles } = await import("../../layer/store/layer-files.ts");
    const { whiteouts, opaque } = await new LayerFiles(this.root).tree(chainId);
    return { whiteouts: [...whiteouts], opaque: [...opaque] };
  }

  /** Removes layers that nobody keeps; costs one look at the disk where there are none. Throws as `sweepLayers` does. */
  async sweep(
    options: AbortOptions & { readonly dryRun?: boolean | undefined },
  ): Promise<readonly SweptLayer[]> {
    if (!(await this.isThere())) return [];
    const { LayerFiles } = await import("../../layer/store/layer-files.ts");
    const { sweepLayers } = await import("../../layer/store/sweep-layers.ts");
    return await sweepLayers(new LayerFiles(this.root), { ...options, isUsed: this.#isKept() });
  }

  /** Whether a name needs a user of layers that is an image, as things are now; all others need themselves. */
  async isUsed(): Promise<SweepLayersOptions["isUsed"]> {
    const needs = await this.#content.needs();
    return async ({ user }) => {
      const config = configOf(user);
      return config === undefined || (await needs(config));
    };
  }

  /**
   * Whether a user of layers keeps them. An image does as long as its config is there, and so its layers stay for whoever works
   * with it, named or not: content is removed when all work has ended that may build on it, and layers after it. A config that is
   * damaged or lost is looked for among the names, not before the first user is asked for, when no layer can get another one.
   */
  #isKept(): SweepLayersOptions["isUsed"] {
    let isUsed: ReturnType<RootLayers["isUsed"]> | undefined;
    return async (use) => {
      const config = configOf(use.user);
      if (config === undefined || (await this.#content.has(config))) return true;
      isUsed ??= this.isUsed();
      return await (await isUsed)(use);
    };
  }

  /** Whether there are layers at all: one look at the disk. Throws the classes of `diskError`. */
  async isThere(): Promise<boolean> {
    try {
      return (await stat(join(this.root, "layers"))).isDirectory();
    } catch (cause) {
      if (isMissingFile(cause)) return false;
      throw diskError("look for layers", this.root, cause);
    }
  }
}
