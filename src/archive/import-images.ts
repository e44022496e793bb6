import { stat } from "node:fs/promises";
import type { AbortOptions } from "../async/abort.ts";
import type { Store } from "../content/store.ts";
import { diskError } from "../disk/disk-error.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import type { Image, ImageStore } from "../images/image-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { guardSink } from "../progress/guard-sink.ts";
import { message, type StepSink } from "../progress/progress.ts";
import { tellingWaiter } from "../progress/telling-waiter.ts";
import { familiarString } from "../reference/familiar.ts";
import { parseNormalizedNamed } from "../reference/normalize.ts";
import { completeImages } from "./complete-images.ts";
import { decompress } from "./decompress.ts";
import type { FoundImage } from "./found-image.ts";
import type { IntakeContext } from "./intake.ts";
import { copyFromLayout, readLayoutDirectory } from "./layout-directory.ts";
import { type NamedImage, nameImages } from "./name-images.ts";
import { readFileChunks } from "./read-chunks.ts";
import { readDockerList } from "./read-docker-list.ts";
import { readLayoutIndex } from "./read-layout-index.ts";
import { unpackArchive } from "./unpack-archive.ts";

/**
 * Where images come from: the path of an OCI layout directory or of an archive, or the bytes of an archive. An archive is an
 * OCI layout or a `docker save`, old or new, in tar, plain or in gzip, zstd, xz or bzip2; the last two need the programs of
 * these names. Chunks must stay as they are once they were given.
 */
export type ImportSource = string | AsyncIterable<Uint8Array>;

/** What an import may be told. */
export interface ImportOptions extends AbortOptions {
  /**
   * `NAME[:TAG]`: takes the place of the archive's names; needed when it has none.
   * @defaultValue the names in the archive
   * @example name: "registry.example/team/app:imported"
   */
  readonly name?: string | undefined;
  /**
   * Progress in docker's words.
   * @defaultValue nobody is told
   * @example onProgress: ({ kind, id }) => console.log(kind, id)
   */
  readonly onProgress?: StepSink | undefined;
}

/** Where an import puts things. */
export interface ImportTarget {
  readonly content: Store;
  readonly images: ImageStore;
  /** Called with each image that is complete, before any gets its name; what it throws fails the import. Default: nobody is asked. */
  readonly beforeNaming?: ((image: Image) => Promise<void>) | undefined;
}

/** Images on their way in. */
interface OpenedSource {
  readonly found: readonly FoundImage[];
  /** What else was listed. */
  readonly others: readonly Descriptor[];
  /** Brings an image's content into the store. */
  bring(target: Descriptor): Promise<void>;
}

/**
 * Brings the images of a layout or archive into the store and names them. Names are made at the very end, when every image has
 * turned out to be complete (of an index: one platform at least); content of an import that fails stays in the store, unnamed.
 * Throws `ErrInvalidArgument` for what is no archive or cannot be named, `ErrNotImplemented` for a
 * compression that nothing here can undo, `ErrNotFound` for content that an image needs and that
 * is nowhere, `ErrDataLoss` for bytes that are damaged, cut off or not what their digest says, and the classes of `diskError`.
 */
export async function importImages(
  source: ImportSource,
  { content, images, beforeNaming, name, signal, onProgress = () => {} }: ImportTarget & ImportOptions,
): Promise<readonly Image[]> {
  const context = { content, signal, onProgress: guardSink(onProgress) };
  const opened = await openSource(source, context);
  const named = nameImages(opened.found, name);
  tellWhatIsLeft(opened, { named, onProgress: context.onProgress });
  const targets = new Map(named.map(({ target }) => [target.digest, target]));
  for (const target of targets.values()) {
    await opened.bring(target);
    await completeImages(content, target, { signal });
  }
  for (const { name: given, target } of named) await beforeNaming?.({ name: given, target });
  const waiter = tellingWaiter(context.onProgress, { signal });
  for (const image of named) {
    await images.tag(image.name, image.target, { signal, waiter, cause: "import" });
    context.onProgress(message("", loaded(image)));
  }
  return named.map(({ name: given, target }) => ({ name: given, target }));
}

/** As docker says it, which shows the id of an image that has no name. */
function loaded({ name, target, isMadeUp }: NamedImage): string {
  const familiar = familiarString(parseNormalizedNamed(name));
  return isMadeUp
    ? `Loaded image ID: ${target.digest} (the archive gives it no name, here it is ${familiar})`
    : `Loaded image: ${familiar}`;
}

/** Nothing is passed over in silence. */
function tellWhatIsLeft(
  { found, others }: OpenedSource,
  { named, onProgress }: { readonly named: readonly NamedImage[]; readonly onProgress: StepSink },
): void {
  const taken = new Set(named.map(({ target }) => target.digest));
  const left = new Set(found.map(({ target }) => target.digest).filter((digest) => !taken.has(digest)));
  for (const digest of left)
    onProgress(message("", `Not imported: ${digest}, as another image was asked for`));
  for (const { digest, mediaType } of others) {
    onProgress(message("", `Not imported: ${digest}, as it is no image but ${mediaType}`));
  }
}

async function openSource(source: ImportSource, context: IntakeContext): Promise<OpenedSource> {
  if (typeof source !== "string") return await openArchive(source, context);
  if (!(await isDirectory(source))) return await openArchive(readFileChunks(source), context);
  const { images: found, others } = await readLayoutDirectory(source);
  return { found, others, bring: (target) => copyFromLayout(source, target, context) };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw diskError("open archive", path, cause);
  }
}

async function isHere(): Promise<void> {}

/** An archive is in the store once it is read. The layout's index goes before docker's list, which new dockers put beside it. */
async function openArchive(source: AsyncIterable<Uint8Array>, context: IntakeContext): Promise<OpenedSource> {
  const archive = await unpackArchive(decompress(source), context);
  const [marker, index, list] = [
    archive.document("oci-layout"),
    archive.document("index.json"),
    archive.document("manifest.json"),
  ];
  if (marker && index) {
    const { images: found, others } = readLayoutIndex(marker, index);
    return { found, others, bring: isHere };
  }
  if (list) return { found: await readDockerList(archive, list, context), others: [], bring: isHere };
  throw new ErrInvalidArgument(
    "read archive: got neither an OCI layout (oci-layout, index.json) nor a docker archive (manifest.json)",
  );
}
