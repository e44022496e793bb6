import type { AbortOptions } from "../async/abort.ts";
import type { Waiter } from "../async/waiting.ts";
import type { Flow } from "../bandwidth/flow.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { PushedContent } from "./refused-bytes.ts";
import type { Source } from "./source.ts";

/** What it took to bring a descriptor's content to a repository. */
export type PushOutcome =
  | { readonly kind: "exists" }
  /** The registry took it from another of its repositories. */
  | { readonly kind: "mounted"; readonly from: string }
  | { readonly kind: "uploaded" };

/** How content is pushed. */
export interface PushContentOptions extends AbortOptions {
  /**
   * Waits between attempts at a document, and shows for how long.
   * @defaultValue one that shows nothing
   * @example waiter: plainWaiter({ show: ({ words }) => console.log(words) })
   */
  readonly waiter?: Waiter | undefined;
  /**
   * How fast a blob may go.
   * @hidden no door has what it takes
   */
  readonly flow?: Flow | undefined;
  /**
   * Called with the bytes that the registry has taken, of the whole content.
   * @defaultValue nobody is told
   * @example onBytes: (bytes) => console.log(bytes)
   */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /**
   * Tag for a manifest or index.
   * @defaultValue it is put by digest
   * @example tag: "v1"
   */
  readonly tag?: string | undefined;
}

/** Brings content to one repository at one endpoint. */
export interface Pusher {
  /**
   * Makes the repository have the content of a descriptor, by whatever is cheapest. One attempt for a blob; a later
   * one goes on where the registry has it. A document may be tried again, as nothing is lost with it. Whatever the
   * descriptor points at must be there before. Throws the registry's errors, and `ErrNotFound` for content that
   * `content` does not have.
   */
  push(descriptor: Descriptor, content: PushedContent, options?: PushContentOptions): Promise<PushOutcome>;
  /**
   * Gives up what failed attempts at the content left at the registry: nobody will go on with it. Takes a few seconds at most
   * and never rejects, because a registry clears away in the end what nobody finishes.
   */
  abandon(descriptor: Descriptor): Promise<void>;
  /** Origin of the endpoint, for errors. */
  readonly endpoint: string;
  /** Whom a failure is blamed on, together with all who push to the same with the same identity. */
  readonly source: Source;
}
