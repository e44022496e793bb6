import { ErrAborted } from "../errors/classes.ts";

/**
 * What `write` or `commit` of a writer throws that has lost bytes and can take them again, from the offset that its `status`
 * then tells; the writer stays open (containerd's `content.ErrReset`). `copy` goes on from there. None of our own
 * writers throws it. To others it is an `ErrAborted`.
 */
export class ErrReset extends ErrAborted {}

Object.defineProperty(ErrReset.prototype, "name", { value: "ErrReset", configurable: true });
