import { boundedReads } from "../content/bounded-reads.ts";
import { ErrFailedPrecondition, ErrInvalidArgument } from "../errors/classes.ts";
import { collectImages } from "../images/image-graph.ts";
import type { Image } from "../images/image-store.ts";
import { inspectImage } from "../images/inspect-image.ts";
import { chainIds } from "../oci/chain-id.ts";
import { blobsHere } from "./blob-download.ts";
import type { UnpackedImage, UnpackImageOptions } from "./distribution.ts";
import { startOperation } from "./operation.ts";
import { choosePlatform } from "./pull-reference.ts";
import type { PullShared } from "./puller.ts";
import { UnpackedImages } from "./unpacked-images.ts";

/**
 * Unpacks an image that is here. Its layers are held while `use` works with them, and kept by its name afterwards. Throws what
 * `Distribution.unpack` throws, and what `use` throws.
 */
export async function unpackImage(
  shared: Pick<PullShared, "content" | "images" | "documentReaders" | "layers">,
  reference: string,
  options: UnpackImageOptions,
  use: (image: UnpackedImage) => Promise<void> = async () => {},
): Promise<UnpackedImage> {
  if (!shared.layers) {
    throw new ErrFailedPrecondition(`unpack ${reference}: the engine was opened without layers`);
  }
  const operation = startOperation(options);
  const image = await shared.images.get(reference, operation);
  const content = boundedReads(shared.content, shared.documentReaders);
  const choice = choosePlatform({ platform: options.platform });
  const found = await collectImages(
    image.target,
    { content, fetchDocument: async () => [], choice },
    operation,
  );
  const [wanted] = found;
  if (!wanted) throw noImage(image);
  const inspected = await inspectImage(wanted, content, operation);
  if (inspected.kind !== "image") throw noImage(image);
  await using unpacked = new UnpackedImages(shared.layers);
  await unpacked.unpack(
    wanted.config,
    blobsHere(shared.content, wanted.layers, inspected.diffIds),
    operation,
  );
  await unpacked.keep(operation);
  const result = { name: image.name, config: wanted.config.digest, chainIds: chainIds(inspected.diffIds) };
  await use(result);
  return result;
}

function noImage({ name, target }: Image): ErrInvalidArgument {
  return new ErrInvalidArgument(`unpack ${name}: got an artifact, wanted an image`, {
    digest: target.digest,
  });
}
