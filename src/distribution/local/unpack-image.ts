import { ErrFailedPrecondition } from "../../errors/classes.ts";
import { chainIds } from "../../oci/chain-id.ts";
import type { UnpackedImage, UnpackImageOptions } from "../api/distribution.ts";
import { startOperation } from "../api/operation.ts";
import { explainingLack } from "../layers/only-unpacked.ts";
import { UnpackedImages } from "../layers/unpacked-images.ts";
import { blobsHere } from "../pull/blob-download.ts";
import type { PullShared } from "../pull/puller.ts";
import { type LocalImages, localImage } from "./local-image.ts";

/**
 * Unpacks an image that is here. Its layers are held while `use` works with them, and kept by its name afterwards. Throws what
 * `Distribution.unpack` throws, and what `use` throws.
 */
export async function unpackImage(
  shared: LocalImages & Pick<PullShared, "layers" | "mountSources">,
  reference: string,
  options: UnpackImageOptions,
  use: (image: UnpackedImage) => Promise<void> = async () => {},
): Promise<UnpackedImage> {
  if (!shared.layers) {
    throw new ErrFailedPrecondition(`unpack ${reference}: the engine was opened without layers`);
  }
  const operation = startOperation(options);
  const { platform } = options;
  const image = await localImage(shared, reference, { action: "unpack", platform }, operation);
  const { name, config, layers, diffIds } = image;
  await using unpacked = new UnpackedImages(shared.layers);
  await explainingLack(shared, image, { action: "unpack" }, () =>
    unpacked.unpack(config, blobsHere(shared.content, layers, diffIds), operation),
  );
  await unpacked.keep(operation);
  const { warnings } = unpacked;
  const result = { name, config: config.digest, chainIds: chainIds(diffIds), warnings };
  await use(result);
  return result;
}
