import type { ImageStore } from "../images/image-store.ts";
import type { OpenWork } from "./open-work.ts";

/** `images`, each of whose calls is an operation: closing waits for it, and it is refused afterwards. */
export function countedImages(images: ImageStore, work: OpenWork): ImageStore {
  return {
    get: (name, options = {}) => work.run(options, (own) => images.get(name, own)),
    list: (options = {}) => work.run(options, (own) => images.list(own)),
    roots: (options = {}) => work.run(options, (own) => images.roots(own)),
    tag: (name, target, options = {}) => work.run(options, (own) => images.tag(name, target, own)),
    untag: (name, options = {}) => work.run(options, (own) => images.untag(name, own)),
  };
}
