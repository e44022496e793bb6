import type { WaitOptions } from "../../async/waiting.ts";
import type { ImageFinder } from "../../images/image-finder.ts";
import type { ImageLookup } from "../../images/image-lookup.ts";
import type { ImageStore, TagOptions } from "../../images/image-store.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { checkArgument, checkOptions } from "../../options/check-options.ts";
import { aString } from "../../options/rules.ts";
import { A_DESCRIPTOR, WAIT_OPTIONS } from "../api/option-rules.ts";
import { TAG_OPTIONS } from "../api/tag-rules.ts";
import type { OpenWork } from "./open-work.ts";

/** What `images` are looked up by, and what counts calls. */
interface CountedImagesParts {
  readonly finder: ImageFinder;
  readonly work: OpenWork;
}

/** `images`, each of whose calls is an operation: closing waits for it, and it is refused afterwards. */
export function countedImages(images: ImageStore, { finder, work }: CountedImagesParts): ImageLookup {
  async function run<T>(
    action: string,
    options: WaitOptions,
    operation: (own: WaitOptions) => Promise<T>,
  ): Promise<T> {
    checkOptions(action, options, WAIT_OPTIONS);
    return await work.run(options, operation);
  }
  async function tag(
    name: string,
    target: Descriptor,
    options: TagOptions = {},
  ): Promise<Descriptor | undefined> {
    checkOptions("tag image", options, TAG_OPTIONS);
    return await work.run(options, async (own) => {
      checkArgument("tag image", "name", name, aString);
      checkArgument("tag image", "target", target, A_DESCRIPTOR);
      return await images.tag(name, target, own);
    });
  }
  return {
    get: (name, options = {}) => run("get image", options, (own) => images.get(name, own)),
    list: (options = {}) => run("list images", options, (own) => images.list(own)),
    find: (text, options = {}) =>
      run("find image", options, (own) => {
        checkArgument("find image", "text", text, aString);
        return finder.find(text, own);
      }),
    identify: (options = {}) => run("identify images", options, (own) => finder.identify(own)),
    roots: (options = {}) => run("list images", options, (own) => images.roots(own)),
    tag,
    untag: (name, options = {}) => run("untag image", options, (own) => images.untag(name, own)),
  };
}
