import type { Store } from "../content/store.ts";
import { shortId } from "../digest/digest.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { collectImages, type PlatformChoice } from "../images/image-graph.ts";
import type { Image } from "../images/image-store.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type ProgressSink, update } from "../progress/progress.ts";
import { trimNamed } from "../reference/derive.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import { presenceHandler, pushContent } from "../remotes/push-content.ts";
import type { Pusher } from "../remotes/pusher.ts";
import type { UploadDescriptor } from "../xfer/upload.ts";
import type { LayerUploadManager } from "../xfer/upload-manager.ts";
import type { PushedImage } from "./distribution.ts";
import { pushStatus } from "./push-status.ts";

/** The parts of an engine that all pushes share. */
export interface PushShared {
  readonly content: Store;
  readonly uploads: LayerUploadManager;
}

/** What one push wants. */
export interface PushRequest {
  /** Absent: everything that the name points at. */
  readonly platform: PlatformChoice | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ProgressSink;
}

/** Pushes images to one repository at one endpoint speaking the distribution API v2 (moby `v2Pusher`). */
export class V2Pusher {
  readonly #shared: PushShared;
  readonly #pusher: Pusher;
  readonly #request: PushRequest;

  constructor(shared: PushShared, pusher: Pusher, request: PushRequest) {
    this.#shared = shared;
    this.#pusher = pusher;
    this.#request = request;
  }

  /** Pushes what `image` points at and gives it the tag of `target`, or none when that has no tag. */
  async push(image: Image, target: NormalizedReference): Promise<PushedImage> {
    const { signal, onProgress } = this.#request;
    const { content } = this.#shared;
    const root = await this.#wanted(image.target);
    const { tag, digest } = target;
    if (digest !== undefined && digest !== root.digest) {
      throw new ErrInvalidArgument(`push ${target.toString()}: got ${root.digest} to push`, {
        digest: root.digest,
      });
    }
    await pushContent(
      root,
      { pusher: this.#pusher, content, tag, pushBlobs: (blobs) => this.#pushBlobs(blobs, target) },
      { signal },
    );
    onProgress(pushStatus.done(tag ?? root.digest, root));
    return { name: target.toString(), target: root };
  }

  /** The image itself, or the one manifest of it for the platform asked for. */
  async #wanted(target: Descriptor): Promise<Descriptor> {
    const { platform: choice, signal } = this.#request;
    if (!choice) return target;
    const { content } = this.#shared;
    const [image] = await collectImages(
      target,
      { content, fetchDocument: presenceHandler(content), choice },
      { signal },
    );
    return image?.manifest ?? target;
  }

  async #pushBlobs(blobs: readonly Descriptor[], target: NormalizedReference): Promise<void> {
    const repository = trimNamed(target).toString();
    const uploads = blobs.map((blob) => this.#upload(blob, repository));
    await this.#shared.uploads.upload(uploads, this.#request);
  }

  #upload(blob: Descriptor, repository: string): UploadDescriptor {
    const id = shortId(blob.digest);
    const { content } = this.#shared;
    return {
      key: `push:${repository} ${blob.digest}`,
      id,
      upload: async ({ signal, progress }) => {
        const onBytes = (bytes: number): void => progress(update(id, "Pushing", bytes, blob.size));
        return pushStatus.blob(await this.#pusher.push(blob, content, { signal, onBytes }));
      },
      abandon: () => this.#pusher.abandon(blob),
    };
  }
}
