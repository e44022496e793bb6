import type { Digest } from "../../digest/digest.ts";
import { type LayerTree, readLayerTree } from "../tree/layer-tree.ts";
import { LayerLayout } from "./layer-layout.ts";
import { type LayerRecord, readLayerRecord } from "./layer-record.ts";
import { isSettled } from "./settling.ts";

/** The layers of a root as they lie on the disk. */
export class LayerFiles {
  readonly layout: LayerLayout;

  /** @param root the data root */
  constructor(root: string) {
    this.layout = new LayerLayout(root);
  }

  /**
   * The record of a layer that is there: one with a damaged record, or that a power cut may have damaged, is not. Throws the
   * classes of `diskError`.
   */
  async find(chainId: Digest): Promise<LayerRecord | undefined> {
    const directory = this.layout.layerPath(chainId);
    const record = await readLayerRecord(this.layout.recordPath(directory), chainId);
    return record && (await isSettled(directory, record.boot)) ? record : undefined;
  }

  /** The records of all layers that are there. Throws the classes of `diskError`. */
  async list(): Promise<readonly LayerRecord[]> {
    const records: LayerRecord[] = [];
    for (const chainId of await this.layout.chainIds()) {
      const record = await this.find(chainId);
      if (record) records.push(record);
    }
    return records;
  }

  /** The files of a layer and what it hides. Throws the classes of `diskError`. */
  async tree(chainId: Digest): Promise<LayerTree> {
    return await readLayerTree(this.layout.layerPath(chainId), this.treePath(chainId));
  }

  /** Directory with the layer's own files. */
  treePath(chainId: Digest): string {
    return this.layout.treePath(this.layout.layerPath(chainId));
  }
}
