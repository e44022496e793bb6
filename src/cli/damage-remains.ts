/** A check has found content that is needed and not right. */
export class DamageRemains extends Error {
  override readonly name = "DamageRemains";

  /** @param count pieces of content that are damaged or missing still */
  constructor(count: number) {
    super(`${count} damaged or missing`);
  }
}
