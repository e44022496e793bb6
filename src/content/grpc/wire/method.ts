/** How messages of one kind become bytes, and bytes become messages again. */
export interface Codec<M> {
  encode(message: M): Uint8Array;
  /** The message may be made of views of `bytes`. Throws for bytes that are no such message. */
  decode(bytes: Uint8Array): M;
}

/** A method of a service. */
export interface GrpcMethod<I, O> {
  /** Such as `/package.Service/Method`. */
  readonly path: string;
  readonly request: Codec<I>;
  readonly response: Codec<O>;
}
