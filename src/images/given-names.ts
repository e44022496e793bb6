import type { EventEmitter } from "eventemitter3";
import type { AbortOptions } from "../async/abort.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { GuardedEvents, type OnListenerFailure } from "./guarded-events.ts";
import { imageEvent } from "./image-event.ts";
import type { Image, ImageEvents, ImageStore, TagOptions } from "./image-store.ts";
import type { NameStore, UntagOptions } from "./name-store.ts";

/** Names that somebody else keeps, such as a containerd, with the events of those of a data root. */
export class GivenNames implements NameStore {
  readonly events: EventEmitter<ImageEvents>;
  readonly #images: ImageStore;

  constructor(images: ImageStore, onListenerFailure: OnListenerFailure) {
    this.events = new GuardedEvents(onListenerFailure);
    this.#images = images;
  }

  get(name: string, options?: AbortOptions): Promise<Image> {
    return this.#images.get(name, options);
  }

  list(options?: AbortOptions): Promise<readonly Image[]> {
    return this.#images.list(options);
  }

  roots(options?: AbortOptions): Promise<readonly Descriptor[]> {
    return this.#images.roots(options);
  }

  async tag(
    name: string,
    target: Descriptor,
    { cause = "tag", ...options }: TagOptions = {},
  ): Promise<Descriptor | undefined> {
    const previous = await this.#images.tag(name, target, options);
    this.events.emit("tag", imageEvent({ name, target }, cause, previous));
    return previous;
  }

  async untag(name: string, { beforehand, cause = "untag", ...options }: UntagOptions = {}): Promise<Image> {
    if (beforehand) await beforehand(await this.#images.get(name, options));
    const image = await this.#images.untag(name, options);
    this.events.emit("untag", imageEvent(image, cause));
    return image;
  }

  async sweep(): Promise<void> {}
}
