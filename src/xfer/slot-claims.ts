import type { SlotLimits, SlotWants, Tenant } from "./slot-limits.ts";

/** A claim that waits. */
export interface Claim {
  readonly wants: SlotWants;
  /** Those who want what it is for; whoever changes this tells `SlotClaims`. */
  readonly tenants: ReadonlySet<Tenant>;
  /** Called when it is served. */
  readonly onServed: (seat: Seat) => void;
  priority: number;
}

/** What a claim has got once it is served. */
export interface Seat {
  /** What is left to do asks nobody: the host has room for another one. */
  received(): void;
  /** The slot is given back. */
  left(): void;
}

/** What a tenant, or a group, has of the slots. It is forgotten with its last slot and its last claim. */
interface Account {
  /** Slots in use. */
  slots: number;
  /** When it last got one, by a count of all that were given. */
  servedAt: number;
  /** Lines with claims of it. */
  lines: number;
}

/** Equal claims of one tenant, first come first served. */
interface Line {
  readonly tenant: Tenant;
  /** Of the group and of the tenant; the same for one without a group. */
  readonly accounts: readonly [group: Account, own: Account];
  readonly priority: number;
  readonly wants: SlotWants;
  readonly claims: Set<Claim>;
}

/** What a host is asked for at present. */
interface Asked {
  brief: number;
  other: number;
}

/** Who has an account. */
type Holder = Tenant | string | symbol;

/**
 * Those who wait for a slot, in the order in which they get one. Higher priority goes first; among equals whoever belongs to the
 * group that has fewest slots, or has waited longest since it got one; in a group the same of its tenants; then who came first. A
 * claim for which its host has no room keeps nobody waiting who asks another one, and one that is too large at present keeps nobody
 * waiting at all. What several tenants want has its place in the line of each.
 */
export class SlotClaims {
  readonly #limits: SlotLimits;
  readonly #lines = new Map<string, Line>();
  /** Place of each claim among its equals. */
  readonly #numbers = new Map<Claim, number>();
  readonly #accounts = new Map<Holder, Account>();
  readonly #atHost = new Map<string, Asked>();
  readonly #tenantIds = new WeakMap<Tenant, number>();
  #large = 0;
  #count = 0;
  #served = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** Claims that wait. */
  get size(): number {
    return this.#numbers.size;
  }

  /** Adds a claim behind its equals. */
  add(claim: Claim): void {
    this.#numbers.set(claim, this.#count++);
    for (const tenant of claim.tenants) this.joined(claim, tenant);
  }

  /** Takes a claim out. Whether it was waiting. */
  remove(claim: Claim): boolean {
    for (const tenant of claim.tenants) this.parted(claim, tenant);
    return this.#numbers.delete(claim);
  }

  /** Moves a claim behind its new equals. */
  setPriority(claim: Claim, priority: number): void {
    if (!this.remove(claim)) return;
    claim.priority = priority;
    this.add(claim);
  }

  /** Somebody else wants what a claim is for: its place is as old in that line as in the others. */
  joined(claim: Claim, tenant: Tenant): void {
    if (this.#numbers.has(claim)) this.#lineOf(claim, tenant).claims.add(claim);
  }

  /** Takes a claim out of the line of a tenant who does not want it any more. */
  parted(claim: Claim, tenant: Tenant): void {
    const key = this.#keyOf(claim, tenant);
    const line = this.#lines.get(key);
    if (!line?.claims.delete(claim) || line.claims.size > 0) return;
    this.#lines.delete(key);
    change(line.accounts, "lines", -1);
    this.#forget(tenant);
  }

  /** Whether somebody who waits could be served. */
  get hasNext(): boolean {
    return this.#next() !== undefined;
  }

  /** Takes out the next claim that can be served, and gives it its seat. Returns the claim. */
  serve(): Claim | undefined {
    const line = this.#next();
    const [claim] = line?.claims ?? [];
    if (!line || !claim) return undefined;
    this.remove(claim);
    claim.onServed(this.#seat(claim.wants, line));
    return claim;
  }

  #next(): Line | undefined {
    if (this.#lines.size === 0) return undefined;
    if (this.#lines.size === 1) return this.#only();
    let best: Line | undefined;
    for (const line of this.#firstOfHosts()) {
      if (this.#hasRoom(line.wants) && (!best || this.#goesBefore(line, best))) best = line;
    }
    return best;
  }

  /** The only line, as there is while one image is pulled: p-queue asks several times for each claim. */
  #only(): Line | undefined {
    const [line] = this.#lines.values();
    const mayGo = line && !this.#isTooLarge(line.wants) && this.#hasRoom(line.wants);
    return mayGo ? line : undefined;
  }

  #isTooLarge({ isLarge }: SlotWants): boolean {
    const { largeSlots = Number.POSITIVE_INFINITY } = this.#limits;
    return isLarge === true && this.#large >= largeSlots;
  }

  /** Whoever is next at each host: a brief claim behind it may have room where it has none, and goes no earlier for that. */
  #firstOfHosts(): Iterable<Line> {
    const firsts = new Map<string | undefined, Line>();
    for (const line of this.#lines.values()) {
      const { host } = line.wants;
      if (this.#isTooLarge(line.wants)) continue;
      const first = firsts.get(host);
      if (!first || this.#goesBefore(line, first)) firsts.set(host, line);
    }
    return firsts.values();
  }

  #hasRoom({ host, isBrief = false }: SlotWants): boolean {
    const { roomAt, briefEach } = this.#limits;
    if (host === undefined || !roomAt) return true;
    const { brief, other } = this.#atHost.get(host) ?? { brief: 0, other: 0 };
    const each = briefEach?.(host) ?? 1;
    return isBrief
      ? other * each + brief < roomAt(host) * each //
      : other + Math.ceil(brief / each) < roomAt(host);
  }

  #goesBefore(one: Line, other: Line): boolean {
    if (one.priority !== other.priority) return one.priority > other.priority;
    const [group, own] = one.accounts;
    const [otherGroup, otherOwn] = other.accounts;
    const order = byNeed(group, otherGroup) || byNeed(own, otherOwn);
    return order !== 0 ? order < 0 : this.#numberOf(one) < this.#numberOf(other);
  }

  #numberOf({ claims }: Line): number {
    const [first] = claims;
    return (first && this.#numbers.get(first)) ?? 0;
  }

  #seat({ host, isLarge, isBrief }: SlotWants, { tenant, accounts }: Line): Seat {
    this.#served++;
    for (const account of accounts) account.servedAt = this.#served;
    change(accounts, "slots", 1);
    const [group, own] = accounts;
    this.#accounts.set(groupOf(tenant), group).set(tenant, own); // with their last line they may just have gone
    const kind = isBrief ? "brief" : "other";
    if (host !== undefined) this.#countAt(host, kind, 1);
    if (isLarge) this.#large++;
    let isThere = true;
    const received = (): void => {
      if (!isThere) return;
      isThere = false;
      if (isLarge) this.#large--;
      if (host !== undefined) this.#countAt(host, kind, -1);
    };
    return {
      received,
      left: () => {
        received();
        change(accounts, "slots", -1);
        this.#forget(tenant);
      },
    };
  }

  #countAt(host: string, kind: keyof Asked, by: 1 | -1): void {
    const asked = this.#atHost.get(host) ?? { brief: 0, other: 0 };
    asked[kind] += by;
    if (asked.brief + asked.other > 0) this.#atHost.set(host, asked);
    else this.#atHost.delete(host);
  }

  #accountOf(holder: Holder): Account {
    const known = this.#accounts.get(holder);
    if (known) return known;
    const account = { slots: 0, servedAt: -1, lines: 0 };
    this.#accounts.set(holder, account);
    return account;
  }

  #forget(tenant: Tenant): void {
    for (const holder of [tenant, groupOf(tenant)]) {
      const account = this.#accounts.get(holder);
      if (account && account.slots + account.lines === 0) this.#accounts.delete(holder);
    }
  }

  #keyOf({ priority, wants }: Claim, tenant: Tenant): string {
    const id = this.#tenantIds.get(tenant) ?? this.#count++;
    this.#tenantIds.set(tenant, id);
    return `${id} ${priority} ${wants.isLarge === true} ${wants.isBrief === true} ${wants.host}`;
  }

  #lineOf(claim: Claim, tenant: Tenant): Line {
    const key = this.#keyOf(claim, tenant);
    const known = this.#lines.get(key);
    if (known) return known;
    const { priority, wants } = claim;
    const accounts = [this.#accountOf(groupOf(tenant)), this.#accountOf(tenant)] as const;
    change(accounts, "lines", 1);
    const line = { tenant, accounts, priority, wants, claims: new Set<Claim>() };
    this.#lines.set(key, line);
    return line;
  }
}

function change(accounts: Line["accounts"], what: "slots" | "lines", by: 1 | -1): void {
  const [group, own] = accounts;
  group[what] += by;
  if (own !== group) own[what] += by;
}

/** Below zero when the first one has less. */
function byNeed(one: Account, other: Account): number {
  return one.slots - other.slots || one.servedAt - other.servedAt;
}

function groupOf(tenant: Tenant): Holder {
  return tenant.group ?? tenant;
}
