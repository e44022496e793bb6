import type { Clock } from "../async/clock.ts";
import { Account } from "./account.ts";
import type { Bucket } from "./bucket.ts";
import type { Payer } from "./payers.ts";

/** How often what has come in is given out while somebody waits for it, in milliseconds. */
const TICK_MS = 50;

/** What one turn gives, as the time in which its limit lets as much come in, in milliseconds. */
const TURN_MS = 20;

/** Turns that one claim gets at once at most: what is given away is not there for others. */
const MAX_TURNS = 3;

/** Bytes that are asked for. */
export interface Claim {
  /** Gives them; the claim is settled with that. */
  readonly grant: (bytes: number) => void;
  /** The limits that it has to pass. */
  readonly buckets: readonly Bucket[];
  /** On whose account. */
  readonly payer: Payer | undefined;
  /** Bytes that it can use. */
  readonly mostBytes: number;
}

/** What a claim has got so far. */
interface Share {
  bytes: number;
  turns: number;
}

type Group = readonly (readonly [Claim, Share])[];

/** The account of those that nobody pays for. */
const NOBODY: readonly [Account, Account] = [new Account(), new Account()];

/**
 * Gives out what may pass, one way: to groups in turn, in a group to its pulls, in a pull to whoever came first; nothing to those who
 * have to wait for a limit of their own, whose part is the others'.
 */
export class Sharing {
  readonly #clock: Clock;
  readonly #all = new Account();
  /** In the order in which they came. */
  readonly #claims = new Set<Claim>();
  #isTicking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a claim, which is served at once if there is enough, and nobody else waits for it. */
  add(claim: Claim): void {
    this.#claims.add(claim);
    if (!this.#isTicking || !claim.buckets.some(({ isContended }) => isContended)) this.serve();
  }

  /** Takes a claim out, if it is in there. */
  remove(claim: Claim): void {
    this.#claims.delete(claim);
  }

  /** Takes back what was granted and did not pass. */
  refund({ buckets, payer }: Pick<Claim, "buckets" | "payer">, bytes: number): void {
    for (const bucket of buckets) bucket.take(-bytes);
    for (const account of accountsOf({ payer })) account.refund(bytes);
  }

  /** Gives out what there is. */
  serve(): void {
    const shares = new Map([...this.#claims].map((claim): [Claim, Share] => [claim, { bytes: 0, turns: 0 }]));
    const nowMs = this.#clock.elapsed();
    const buckets = this.#buckets();
    for (const bucket of buckets) bucket.fill(nowMs);
    const groups = [...Map.groupBy(shares, ([claim]) => accountsOf(claim)[0]).values()];
    while (this.#round(groups)) {}
    for (const [claim, { bytes }] of shares) {
      if (bytes === 0) continue;
      this.#claims.delete(claim);
      claim.grant(bytes);
    }
    for (const bucket of buckets) bucket.isContended = false;
    for (const bucket of this.#buckets()) bucket.isContended = true;
    if (this.#claims.size > 0) void this.#tick();
  }

  /** One turn for each group. Whether anybody got anything. */
  #round(groups: readonly Group[]): boolean {
    const standing = (group: Group): number => this.#all.standingOf(accountsOf(group[0]?.[0])[0]);
    const order = groups.toSorted((one, other) => standing(one) - standing(other));
    let served = false;
    for (const group of order) if (this.#turn(group)) served = true;
    return served;
  }

  #turn(group: Group): boolean {
    const standing = ([{ payer }, { turns }]: Group[number]): number => {
      const [ofGroup, own] = accountsOf({ payer });
      return ofGroup.standingOf(own) + turns; // of one pull, those go first that have had fewer turns
    };
    const order = group.toSorted((one, other) => standing(one) - standing(other));
    return order.some(([claim, share]) => this.#give(claim, share));
  }

  #give(claim: Claim, share: Share): boolean {
    const { buckets, mostBytes } = claim;
    const least = Math.min(...buckets.map(({ rate }) => rate));
    const bytes = Math.min(Math.ceil((least * TURN_MS) / 1_000), mostBytes - share.bytes);
    if (bytes <= 0 || share.turns >= MAX_TURNS || buckets.some(({ level }) => level < bytes)) return false;
    for (const bucket of buckets) bucket.take(bytes);
    const [ofGroup, own] = accountsOf(claim);
    this.#all.charge(ofGroup, bytes);
    ofGroup.charge(own, bytes);
    share.bytes += bytes;
    share.turns++;
    return true;
  }

  #buckets(): Set<Bucket> {
    return new Set([...this.#claims].flatMap(({ buckets }) => buckets));
  }

  async #tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    await this.#clock.sleep(TICK_MS);
    this.#isTicking = false;
    this.serve();
  }
}

function accountsOf(claim: Pick<Claim, "payer"> | undefined): readonly [group: Account, own: Account] {
  return claim?.payer?.accounts ?? NOBODY;
}
