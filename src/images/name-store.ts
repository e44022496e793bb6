import type { EventEmitter } from "eventemitter3";
import type { WaitOptions } from "../async/waiting.ts";
import type { Image, ImageCause, ImageEvents, ImageStore } from "./image-store.ts";

/** How a name is taken away. */
export interface UntagOptions extends WaitOptions {
  /**
   * Called with what the name points at before it goes; what it throws fails the removal.
   * @defaultValue nobody is asked
   * @example beforehand: async ({ name }) => console.log(name)
   */
  readonly beforehand?: ((image: Image) => Promise<void>) | undefined;
  /**
   * What takes it away, for the event.
   * @defaultValue `"untag"`
   * @example cause: "remove"
   */
  readonly cause?: ImageCause | undefined;
}

/** Names as an engine needs them that may remove content. */
export interface NameStore extends ImageStore {
  /** Emits what this process changes. A listener that throws fails nothing. */
  readonly events: EventEmitter<ImageEvents>;
  untag(name: string, options?: UntagOptions): Promise<Image>;
  /** Removes what killed processes left behind. Throws as `untag` does. */
  sweep(options?: WaitOptions): Promise<void>;
}
