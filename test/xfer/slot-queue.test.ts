import { describe, expect, it } from "vitest";
import { ErrCanceled } from "../../src/errors/classes.ts";
import { Slot } from "../../src/xfer/slot.ts";
import type { SlotLimits, SlotWants, Tenant } from "../../src/xfer/slot-limits.ts";
import { SlotQueue } from "../../src/xfer/slot-queue.ts";
import { type Seeded, seeded } from "../chaos/support/seeded.ts";
import { flush } from "./flush.ts";

const ANYBODY: Tenant = {};

interface Wanted extends SlotWants {
  readonly tenant?: Tenant;
  readonly priority?: number;
}

/** A queue, and the names of those who got a slot, in that order. */
function queueOf({ slots, ...limits }: SlotLimits & { readonly slots: number }) {
  const queue = new SlotQueue(slots, limits);
  const served: string[] = [];
  return {
    queue,
    served,
    take(name: string, { tenant = ANYBODY, priority = 0, ...wants }: Wanted = {}): Slot {
      const slot = new Slot(queue, wants, [tenant]);
      slot.take(priority).then(
        () => served.push(name),
        () => {},
      );
      return slot;
    },
    /** Gives one slot after another back until nobody waits; the order in which all were served. */
    async drain(slots: readonly Slot[]): Promise<readonly string[]> {
      await flush();
      for (let turn = 0; turn < slots.length; turn++) {
        slots.find((slot) => slot.held)?.giveBack();
        await flush();
      }
      return served;
    },
  };
}

describe("SlotQueue", () => {
  it("serves higher priority first, and equals as they came", async () => {
    const { take, drain } = queueOf({ slots: 1 });
    const slots = [take("first"), take("second"), take("third"), take("urgent", { priority: 1 })];
    expect(await drain(slots)).toEqual(["first", "urgent", "second", "third"]);
  });

  it("moves a claim whose priority is raised before its former equals, and one that is lowered behind all", async () => {
    const { take, drain } = queueOf({ slots: 1 });
    const slots = [take("held"), take("a"), take("b"), take("c")];
    slots[2]?.setPriority(5);
    slots[1]?.setPriority(-5);
    expect(await drain(slots)).toEqual(["held", "b", "c", "a"]);
  });

  it("lets a tenant that came late have its share of what becomes free", async () => {
    const { take, drain } = queueOf({ slots: 2 });
    const [large, small]: readonly Tenant[] = [{}, {}];
    const slots = [1, 2, 3, 4, 5].map((at) => take(`large ${at}`, { tenant: large as Tenant }));
    slots.push(take("small 1", { tenant: small as Tenant }), take("small 2", { tenant: small as Tenant }));
    const order = await drain(slots);
    expect(order.slice(0, 5)).toEqual(["large 1", "large 2", "small 1", "large 3", "large 4"]);
  });

  it("lets tenants have the only slot in turns, however many claims of one came before", async () => {
    const { take, drain } = queueOf({ slots: 1 });
    const [one, other]: readonly Tenant[] = [{}, {}];
    const slots = [1, 2, 3, 4].map((at) => take(`one ${at}`, { tenant: one as Tenant }));
    slots.push(...[1, 2].map((at) => take(`other ${at}`, { tenant: other as Tenant })));
    expect(await drain(slots)).toEqual(["one 1", "other 1", "one 2", "other 2", "one 3", "one 4"]);
  });

  it("counts the tenants of a group together, however many they are", async () => {
    const { take, queue } = queueOf({ slots: 4 });
    const many = Array.from({ length: 8 }, (_, at) =>
      take(`many ${at}`, { tenant: { group: "many" }, priority: 0 }),
    );
    const alone = { group: "alone" };
    const few = [1, 2, 3].map((at) => take(`alone ${at}`, { tenant: alone }));
    for (let turn = 0; turn < 2; turn++) many.find((slot) => slot.held)?.giveBack();
    await flush();
    expect(queue.held).toBe(4);
    expect(few.filter((slot) => slot.held)).toHaveLength(2);
  });

  it("serves what two tenants want with the turn of the one who comes first", async () => {
    const { take } = queueOf({ slots: 2 });
    const [busy, idle]: readonly Tenant[] = [{}, {}];
    const held = [1, 2].map((at) => take(`busy ${at}`, { tenant: busy as Tenant }));
    const waits = take("busy 3", { tenant: busy as Tenant });
    const both = take("shared", { tenant: busy as Tenant });
    both.join(idle as Tenant);
    held[0]?.giveBack();
    await flush();
    expect([waits.held, both.held]).toEqual([false, true]);
  });

  it("forgets the turn of a tenant that does not want it any more", async () => {
    const { take } = queueOf({ slots: 2 });
    const [busy, idle]: readonly Tenant[] = [{}, {}];
    const held = [1, 2].map((at) => take(`busy ${at}`, { tenant: busy as Tenant }));
    const waits = take("busy 3", { tenant: busy as Tenant });
    const both = take("shared", { tenant: busy as Tenant });
    both.join(idle as Tenant);
    both.part(idle as Tenant);
    held[0]?.giveBack();
    await flush();
    expect([waits.held, both.held]).toEqual([true, false]);
  });

  it("keeps a claim back whose host has no room, and nobody behind it", () => {
    const room = new Map([["full", 1]]);
    const { queue, take } = queueOf({ slots: 10, roomAt: (host) => room.get(host) ?? 5 });
    const slots = ["full", "full", "other"].map((host) => take(host, { host }));
    expect(slots.map((slot) => slot.held)).toEqual([true, false, true]);
    room.set("full", 2);
    queue.serve();
    expect(slots.map((slot) => slot.held)).toEqual([true, true, true]);
  });

  it("lets several brief ones in for each that there is room for, beside others that count as one", async () => {
    const { take } = queueOf({ slots: 20, roomAt: () => 2, briefEach: () => 3 });
    const [one, ...brief] = [false, true, true, true, true].map((isBrief, at) =>
      take(String(at), { host: "h", isBrief }),
    );
    expect([one?.held, ...brief.map((slot) => slot.held)]).toEqual([true, true, true, true, false]);
    one?.giveBack();
    await flush();
    expect(brief[3]?.held).toBe(true);
  });

  it("lets no brief one pass another one at its host, however many come", () => {
    const { take } = queueOf({ slots: 20, roomAt: () => 2, briefEach: () => 3 });
    const brief = (name: string): Slot => take(name, { host: "h", isBrief: true });
    const first = ["a", "b", "c", "d"].map(brief);
    const other = take("other", { host: "h" });
    const behind = brief("behind");
    const elsewhere = take("elsewhere", { host: "i", isBrief: true });
    expect([other.held, behind.held, elsewhere.held]).toEqual([false, false, true]);
    first[0]?.received();
    expect([other.held, behind.held]).toEqual([true, false]);
    first[1]?.received();
    expect(behind.held).toBe(true);
  });

  it("lets few large ones in at once, and the small ones behind them", () => {
    const { take } = queueOf({ slots: 10, largeSlots: 1 });
    const slots = [true, true, false].map((isLarge) => take(String(isLarge), { isLarge }));
    expect(slots.map((slot) => slot.held)).toEqual([true, false, true]);
  });

  it("gives the room at a host on as soon as the bytes are in, and the slot at the end", async () => {
    const { queue, take } = queueOf({ slots: 2, largeSlots: 1, roomAt: () => 1 });
    const [first, second, third] = ["a", "b", "c"].map((name) => take(name, { host: "h", isLarge: true }));
    first?.received();
    expect([second?.held, third?.held, queue.held]).toEqual([true, false, 2]);
    second?.received();
    expect(third?.held).toBe(false);
    first?.giveBack();
    first?.giveBack();
    await flush();
    expect([third?.held, queue.held]).toEqual([true, 2]);
  });

  it("lets those who wait in when there are more slots, and nobody out when there are fewer", () => {
    const { queue, take } = queueOf({ slots: 1 });
    const slots = ["a", "b", "c"].map((name) => take(name));
    queue.setSlots(3);
    expect(slots.every((slot) => slot.held)).toBe(true);
    queue.setSlots(1);
    expect(queue.held).toBe(3);
  });

  it("forgets who leaves", async () => {
    const { queue, take } = queueOf({ slots: 1 });
    const [held, gone, next] = ["held", "gone", "next"].map((name) => take(name));
    gone?.leave(new ErrCanceled("gone"));
    expect(queue.waiting).toBe(1);
    held?.giveBack();
    await flush();
    expect([gone?.held, next?.held, queue.waiting]).toEqual([false, true, 0]);
  });

  it("keeps all its limits and serves everybody, whatever comes in whatever order", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const play = new RandomPlay(seeded(`slots ${seed}`));
      for (let step = 0; step < 200; step++) {
        play.step();
        await flush();
        expect(play.broken(), `seed ${seed}, step ${step}`).toEqual([]);
      }
      expect(await play.finish(), `seed ${seed}`).toEqual({ held: 0, waiting: 0 });
    }
  });
});

/** Slots of a queue that come, change and go at random. */
class RandomPlay {
  readonly #random: Seeded;
  readonly #limits: { readonly slots: number; readonly largeSlots: number; readonly roomAt: () => number };
  readonly #queue: SlotQueue;
  readonly #tenants: readonly Tenant[] = [{}, {}, { group: "g" }, { group: "g" }];
  readonly #open: Array<{ slot: Slot; host: string; isLarge: boolean; received: boolean }> = [];

  constructor(random: Seeded) {
    const [slots, largeSlots, room] = [1 + random.int(6), 1 + random.int(3), 1 + random.int(4)];
    this.#random = random;
    this.#limits = { slots, largeSlots, roomAt: () => room };
    this.#queue = new SlotQueue(slots, this.#limits);
  }

  step(): void {
    const { length } = this.#open;
    const one = length > 0 && this.#random.chance(0.6) ? this.#random.pick(this.#open) : undefined;
    if (!one) {
      this.#come();
      return;
    }
    this.#random.pick([
      () => one.slot.setPriority(this.#random.int(3)),
      () => one.slot.join(this.#random.pick(this.#tenants)),
      () => {
        one.received ||= one.slot.held;
        one.slot.received();
      },
      () => {
        one.slot.leave(new ErrCanceled("gone"));
        one.slot.giveBack();
        this.#open.splice(this.#open.indexOf(one), 1);
      },
    ])();
  }

  #come(): void {
    const [host, isLarge] = [this.#random.pick(["a", "b"]), this.#random.chance(0.5)];
    const slot = new Slot(this.#queue, { host, isLarge }, [this.#random.pick(this.#tenants)]);
    slot.take(this.#random.int(3)).catch(() => {});
    this.#open.push({ slot, host, isLarge, received: false });
  }

  /** The limits that do not hold. */
  broken(): readonly string[] {
    const held = this.#open.filter(({ slot }) => slot.held);
    const there = held.filter(({ received }) => !received);
    const counts: readonly (readonly [string, number, number])[] = [
      ["slots", held.length, this.#limits.slots],
      ["large", there.filter(({ isLarge }) => isLarge).length, this.#limits.largeSlots],
      ["host a", there.filter(({ host }) => host === "a").length, this.#limits.roomAt()],
      ["host b", there.filter(({ host }) => host === "b").length, this.#limits.roomAt()],
    ];
    return counts.filter(([, count, limit]) => count > limit).map(([what]) => what);
  }

  /** Gives everything back, one after another; throws when somebody waits and nobody has a slot. */
  async finish(): Promise<{ readonly held: number; readonly waiting: number }> {
    while (this.#open.length > 0) {
      const at = this.#open.findIndex(({ slot }) => slot.held);
      const [one] = at < 0 ? [] : this.#open.splice(at, 1);
      if (!one) throw new Error(`${this.#open.length} wait, and nobody has a slot`);
      one.slot.giveBack();
      await flush();
    }
    return { held: this.#queue.held, waiting: this.#queue.waiting };
  }
}
