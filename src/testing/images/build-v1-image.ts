import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type Digest, digestOf } from "../../digest/digest.ts";
import type { TestRegistry } from "../test-registry.ts";
import { layerFile } from "./layer-file.ts";
import { writeTar } from "./tar.ts";

/** How an image of version 1 is built. */
export interface BuildV1ImageOptions {
  /**
   * Its tag.
   * @defaultValue none: nothing points at the image
   * @example tag: "v1"
   */
  readonly tag?: string | undefined;
  /**
   * One image per entry, from the base up, each on the one before: the bytes of the one file in its layer, or the size in bytes
   * of pseudo-random ones; `empty` for a layer without files, as instructions such as `CMD` leave them.
   * @unit bytes, of each layer
   * @example layers: [1_000, "empty"]
   */
  readonly layers: readonly (Uint8Array | number | "empty")[];
  /**
   * Whether layers are compressed; docker pushed them as they are.
   * @defaultValue `false`
   * @example gzip: true
   */
  readonly gzip?: boolean | undefined;
  /**
   * Whether the registry knows the checksums of the layers.
   * @defaultValue `true`
   * @example checksums: false
   */
  readonly checksums?: boolean | undefined;
  /**
   * Fields to add to the document of the top image, or to replace in it.
   * @defaultValue none
   * @example json: { author: "jane" }
   */
  readonly json?: Readonly<Record<string, unknown>> | undefined;
}

/** One of the images that make up a built one. */
export interface BuiltV1Layer {
  /** Of the image whose layer it is. */
  readonly id: string;
  /** The layer as it is sent. */
  readonly bytes: Uint8Array;
  /** Digest of the uncompressed tar archive. */
  readonly diffId: Digest;
}

/** An image that `buildV1Image` put into a registry. */
export interface BuiltV1Image {
  /** Of the top image: what the tag points at. */
  readonly id: string;
  /** From the base up. */
  readonly layers: readonly BuiltV1Layer[];
}

/** Puts an image into a registry that was started with `v1`. The same options make the same ids. */
export async function buildV1Image(
  registry: TestRegistry,
  repository: string,
  options: BuildV1ImageOptions,
): Promise<BuiltV1Image> {
  const { layers: contents, gzip = false, checksums = true, json: more } = options;
  const layers: BuiltV1Layer[] = [];
  for (const [position, content] of contents.entries()) {
    const tar = await tarOf(content, position);
    const bytes = gzip ? gzipSync(tar) : tar;
    const parent = layers.at(-1)?.id;
    const id = createHash("sha256")
      .update(`${repository} ${parent} ${position} ${digestOf(bytes)}`)
      .digest("hex");
    const isTop = position === contents.length - 1;
    const json = documentOf(
      { id, parent, position, sizeBytes: content === "empty" ? 0 : tar.byteLength },
      isTop && more,
    );
    registry.v1.put({
      id,
      parent,
      json,
      layer: bytes,
      checksums: checksums ? [digestOf(Buffer.concat([json, Buffer.from("\n"), bytes]))] : undefined,
    });
    layers.push({ id, bytes, diffId: digestOf(tar) });
  }
  const id = layers.at(-1)?.id ?? "";
  if (options.tag !== undefined) registry.v1.tag(repository, options.tag, id);
  return { id, layers };
}

async function tarOf(content: Uint8Array | number | "empty", position: number): Promise<Buffer> {
  const files = content === "empty" ? [] : [layerFile(content, position)];
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(files)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface Facts {
  readonly id: string;
  readonly parent: string | undefined;
  readonly position: number;
  readonly sizeBytes: number;
}

function documentOf(
  { id, parent, position, sizeBytes }: Facts,
  more: Readonly<Record<string, unknown>> | false | undefined,
): Buffer {
  return Buffer.from(
    JSON.stringify({
      id,
      ...(parent !== undefined && { parent }),
      created: "1970-01-01T00:00:00Z",
      container_config: { Cmd: ["/bin/sh", "-c", `#(nop) layer ${position}`] },
      docker_version: "1.5.0",
      author: "drayage/testing",
      config: { Cmd: ["/bin/sh"] },
      architecture: "amd64",
      os: "linux",
      Size: sizeBytes,
      ...more,
    }),
  );
}
