import { create } from "@bufbuild/protobuf";
import type { AbortOptions } from "../async/abort.ts";
import type { WaitOptions } from "../async/waiting.ts";
import type { ServiceClient } from "../content/grpc/service-client.ts";
import { unlessExists } from "../content/unless-exists.ts";
import { unlessNotFound } from "../content/unless-not-found.ts";
import { isDigest } from "../digest/digest.ts";
import { ErrAborted, ErrNotFound } from "../errors/classes.ts";
import type { Image, ImageStore } from "../images/image-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDockerRef } from "../reference/normalize.ts";
import {
  CreateImageRequestSchema,
  DeleteImageRequestSchema,
  GetImageRequestSchema,
  type Image as ImageMessage,
  ListImagesRequestSchema,
  UpdateImageRequestSchema,
} from "./api/images_pb.ts";
import { imageMethods } from "./api/methods.ts";

/** How often a name is made that others make and take away at the same time. */
const MAX_ATTEMPTS = 8;

/**
 * The images of a containerd, in one namespace of it. What other clients have named is found as it is spelt. Those that point at
 * content of which we do not know the algorithm are passed over.
 */
export class ImageRecords implements ImageStore {
  readonly #client: ServiceClient;

  constructor(client: ServiceClient) {
    this.#client = client;
  }

  async get(name: string, options: AbortOptions = {}): Promise<Image> {
    const fullName = parseDockerRef(name).toString();
    const image = (await this.#find(name, options)) ?? (await this.#find(fullName, options));
    if (!image) throw new ErrNotFound(`image ${fullName}: not found`, { reference: fullName });
    return image;
  }

  async list({ signal }: AbortOptions = {}): Promise<readonly Image[]> {
    const request = create(ListImagesRequestSchema, {});
    const { images } = await this.#client.unary(imageMethods.list, { request, signal });
    return images
      .flatMap((image) => fromMessage(image) ?? [])
      .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  }

  async roots(options: AbortOptions = {}): Promise<readonly Descriptor[]> {
    return (await this.list(options)).map(({ target }) => target);
  }

  async tag(name: string, target: Descriptor, { signal }: WaitOptions = {}): Promise<Descriptor | undefined> {
    const fullName = parseDockerRef(name).toString();
    const image = { name: fullName, target: toMessage(target) };
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const request = create(CreateImageRequestSchema, { image });
      if (await unlessExists(this.#client.unary(imageMethods.create, { request, signal }))) return undefined;
      const before = await this.#find(fullName, { signal });
      if (before && (await this.#move(image, { signal }))) return before.target;
    }
    throw new ErrAborted(`tag image ${fullName}: others make and remove it all the time`, {
      reference: fullName,
      digest: target.digest,
    });
  }

  async untag(name: string, options: WaitOptions = {}): Promise<Image> {
    const image = await this.get(name, options);
    // Synchronously: what the name kept is gone afterwards, as with names of a data root.
    const request = create(DeleteImageRequestSchema, { name: image.name, sync: true });
    await this.#client.remove(imageMethods.delete, { request, signal: options.signal });
    return image;
  }

  /** Resolves to whether the name was there. */
  async #move(
    image: { readonly name: string; readonly target: ReturnType<typeof toMessage> },
    { signal }: AbortOptions,
  ): Promise<boolean> {
    const request = create(UpdateImageRequestSchema, { image, updateMask: { paths: ["target"] } });
    const moved = await unlessNotFound(this.#client.unary(imageMethods.update, { request, signal }));
    return moved !== undefined;
  }

  async #find(name: string, { signal }: AbortOptions): Promise<Image | undefined> {
    const request = create(GetImageRequestSchema, { name });
    const found = await unlessNotFound(this.#client.unary(imageMethods.get, { request, signal }));
    return found?.image && fromMessage(found.image);
  }
}

function toMessage({ mediaType, digest, size, annotations }: Descriptor) {
  return { mediaType, digest: String(digest), size: BigInt(size), annotations: { ...annotations } };
}

function fromMessage({ name, target }: ImageMessage): Image | undefined {
  if (!target || !isDigest(target.digest)) return undefined;
  const { mediaType, digest, annotations } = target;
  const more = Object.keys(annotations).length > 0 ? { annotations } : {};
  return { name, target: { mediaType, digest, size: Number(target.size), ...more } };
}
