/** What kind of wrong an archive is: bytes are missing or changed, its writer wrote nonsense, or it asks for too much. */
export type TarFaultKind = "damaged" | "malformed" | "too large";

/** What is wrong with an archive. Whoever reads it says with which one, in an error of its own that has this one as its cause. */
export class TarFault extends Error {
  readonly kind: TarFaultKind;

  constructor(kind: TarFaultKind, reason: string) {
    super(reason);
    this.kind = kind;
  }
}

/** The fault of an archive that ends in the middle. */
export function unexpectedEnd(): TarFault {
  return new TarFault("damaged", "unexpected end of data");
}
