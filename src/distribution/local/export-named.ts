import type { Writable } from "node:stream";
import { type ExportOptions, exportImages } from "../../archive/export-images.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { ImageFinder } from "../../images/image-finder.ts";
import type { Image } from "../../images/image-store.ts";
import { explainingLack } from "../layers/only-unpacked.ts";
import type { PullShared } from "../pull/puller.ts";

/** Writes the images of these names as one archive; each name counts once. Throws what `Distribution.export` says. */
export async function exportNamed(
  shared: Pick<PullShared, "content" | "mountSources"> & { readonly finder: Pick<ImageFinder, "lookUp"> },
  references: readonly string[],
  { target, ...options }: ExportOptions & { readonly target: string | Writable },
): Promise<void> {
  if (references.length === 0)
    throw new ErrInvalidArgument("export images: got no names, wanted at least one");
  const named = new Map<string, Image>();
  for (const reference of references) {
    const image = await shared.finder.lookUp(reference, options);
    named.set(image.name, image);
  }
  const images = [...named.values()];
  let write = (): Promise<void> => exportImages(images, target, { content: shared.content, ...options });
  for (const image of images) {
    const inner = write;
    write = () => explainingLack(shared, image, { action: "export" }, inner);
  }
  await write();
}
