/**
 * What a group has had, or somebody in a group, so that all come to equal parts. Who comes late, or could not take its part, begins
 * where the others are: nobody catches up on what he did not want.
 */
export class Account {
  #had = 0;
  /** Where those stand that have accounts within this one. */
  #front = 0;

  /** Where an account within this one stands among its equals; the least is next. */
  standingOf(member: Account): number {
    return Math.max(this.#front, member.#had);
  }

  /** An account within this one gets bytes. */
  charge(member: Account, bytes: number): void {
    this.#front = this.standingOf(member);
    member.#had = this.#front + bytes;
  }

  /** Some of them it did not use. */
  refund(bytes: number): void {
    this.#had -= bytes;
  }
}
