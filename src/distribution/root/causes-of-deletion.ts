import { BoundedMap } from "../../async/bounded-map.ts";
import type { ImageCause, ImageEvent } from "../../images/image-store.ts";

/** Names whose last change is remembered; content whose name is not among them went because of somebody else, as far as is known. */
const MAX_NAMES = 20_000;

/** Why content goes that is deleted here: often later than what made it superfluous, and together with what others let go. */
export class CausesOfDeletion {
  readonly #byName = new BoundedMap<string, ImageCause>(MAX_NAMES);
  #prunes = 0;

  /** Something happened to a name, whose content may go for it. */
  note({ name, cause }: ImageEvent): void {
    this.#byName.set(name, cause);
  }

  /** A prune runs, until this is disposed of: it finds what nothing needs. */
  pruning(): Disposable {
    this.#prunes++;
    return { [Symbol.dispose]: () => void this.#prunes-- };
  }

  /** Why content goes that had this name. */
  of(name: string): ImageCause {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    if (this.#prunes > 0) return "prune";
    return name === "" ? "leftover" : "elsewhere";
  }
}
