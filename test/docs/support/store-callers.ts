import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  copy,
  digestOf,
  type LocalStore,
  namespacedStore,
  openLocalStore,
  openNamespaceMetadata,
  openWriter,
  readBlob,
  writeBlob,
} from "../../../src/content.ts";
import { proxyStore, serveContent } from "../../../src/content-grpc.ts";
import { encodedOf } from "../../../src/digest/digest.ts";
import {
  DEFAULT_LIMITS,
  findAbilities,
  type LayerStore,
  openLayerStore,
  UnpackPool,
} from "../../../src/layer.ts";
import type { Caller, CallerParts } from "./option-callers.ts";

/** What every blob of these examples is. */
const HELLO = Buffer.from("hello");

/** The functions of content stores, by the name of their options' type. */
export function callersOfStores({
  content,
  directory,
  layer,
  store,
}: CallerParts): Readonly<Record<string, Caller>> {
  let count = 0;
  /** A store of nothing. */
  const withStore = async (use: (store: LocalStore) => unknown): Promise<void> => {
    await using store = await openLocalStore({ root: join(directory, `store-${++count}`) });
    await use(store);
  };
  return {
    AbandonedOptions: (options) => withStore((empty) => empty.sweepIngests(options)),
    CommitOptions: (options) =>
      withStore(async (empty) => {
        const writer = await empty.writer({ ref: "hello" });
        await writer.write(HELLO);
        await writer.commit(options);
      }),
    DeleteOptions: (options) =>
      withStore(async (full) => {
        await writeBlob(full, "hello", HELLO);
        await full.delete(digestOf("hello"), options);
      }),
    ListOptions: async (options) => {
      for await (const _ of store.walk(options));
      await store.listStatuses();
    },
    LocalStoreOptions: async (options) => {
      await using _ = await openLocalStore(options);
    },
    NamespacedStoreOptions: (options) =>
      withStore(async (backend) => {
        using metadata = openNamespaceMetadata({ root: directory });
        for await (const _ of namespacedStore(backend, metadata, options).walk());
      }),
    OpenWriterOptions: (options) =>
      withStore(async (empty) => {
        const writer = await openWriter(empty, options);
        await writer.close();
      }),
    "src/content/grpc/proxy-reader.ts RangeOptions": async (options) => {
      for await (const _ of content.stream(layer, options));
    },
    ReadBlobOptions: (options) =>
      withStore(async (full) => {
        await writeBlob(full, "hello", HELLO);
        await readBlob(full, { digest: digestOf("hello"), size: HELLO.byteLength }, options);
      }),
    ServeContentOptions: async (options) => {
      await using _ = await serveContent(options);
    },
    ServiceClientOptions: async (options) => {
      await using proxy = proxyStore(options);
      for await (const _ of proxy.walk());
    },
    WriteBlobOptions: (options) => withStore((empty) => writeBlob(empty, "hello", HELLO, options)),
    WriterOptions: (options) =>
      withStore(async (empty) => {
        const writer = await empty.writer(options);
        await writer.close();
      }),
    NamespaceMetadataOptions: (options) => openNamespaceMetadata(options)[Symbol.dispose](),
    ShareOptions: (options) => withStore(({ owner }) => owner.share(() => Promise.resolve(), options)),
    "src/content/copy.ts CopyOptions": (options) =>
      withStore(async (empty) => {
        const writer = await empty.writer({ ref: "hello" });
        await copy(writer, HELLO, options);
      }),
  };
}

/** Those of layers. */
export function callersOfLayers({
  distribution,
  host,
  directory,
}: CallerParts): Readonly<Record<string, Caller>> {
  let count = 0;
  const chainIds = async () => (await distribution.unpack(`${host}/team/app:v1`)).chainIds;
  /** The lowest layer of an image that is here, and its blob. */
  const lowest = async () => {
    const { layers } = await distribution.inspect(`${host}/team/app:v1`, { platform: "linux/amd64" });
    const [layer] = layers;
    if (layer?.diffId === undefined) throw new Error("the image has no layer");
    const { digest, size, diffId } = layer;
    const path = join(directory, "images", "blobs", "sha256", encodedOf(digest));
    return { path, size, diffId, place: { chainId: diffId, parent: undefined } };
  };
  /** A store that has it. */
  const withLayer = async (
    use: (layers: LayerStore, made: Awaited<ReturnType<typeof lowest>>) => unknown,
  ) => {
    await using layers = await openLayerStore({ root: join(directory, `layers-${++count}`) });
    await use(layers, await lowest());
  };
  return {
    AssembleOptions: async (options) =>
      distribution.layers?.assemble(await chainIds(), join(directory, `assembled-${++count}`), options),
    LayerStoreOptions: async (options) => {
      const layers = await openLayerStore(options);
      await layers.close();
    },
    OverlayOptions: async (options) => distribution.layers?.mounts(await chainIds(), options),
    MakeLayerOptions: (options) =>
      withLayer(async (layers, { path, diffId, place }) => {
        await layers.release(await layers.register({ diffId, blob: { path } }, place, options));
      }),
    VerifyLayerOptions: (options) =>
      withLayer(async (layers, { path, diffId, place }) => {
        const source = { diffId, blob: { path } };
        await layers.release(await layers.register(source, place));
        await layers.verify(source, place, options);
      }),
    UnpackOptions: async (options) => {
      const { path: blobPath, size, diffId } = await lowest();
      const into = join(directory, `unpacked-${++count}`);
      await mkdir(into);
      await using pool = new UnpackPool({ workers: 0 });
      const host = await findAbilities(directory);
      await pool.unpack({ blobPath, size, diffId, directory: into, limits: DEFAULT_LIMITS, host }, options);
    },
    SweepLayersOptions: (options) => distribution.layers?.sweep(options),
    UnpackPoolOptions: async (options) => {
      await using _ = new UnpackPool(options);
    },
  };
}
