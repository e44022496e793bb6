import { describe, expect, it } from "vitest";
import { Pulled } from "../../src/async/pulled.ts";

/** Gives `items`, then what `end` does, and notes what it is told. */
function pulledFrom(
  items: readonly string[],
  end: () => Promise<string | undefined> = async () => undefined,
) {
  const events: string[] = [];
  const left = [...items];
  const next = async (): Promise<string | undefined> => {
    events.push("asked");
    return left.shift() ?? (await end());
  };
  return {
    events,
    pulled: new Pulled({ next, take: (came) => came, close: () => void events.push("closed") }),
  };
}

describe("Pulled", () => {
  it("gives what comes until nothing more does, and closes once", async () => {
    const { pulled, events } = pulledFrom(["a", "b"]);
    const got: string[] = [];
    for await (const item of pulled) got.push(item);
    expect(got).toEqual(["a", "b"]);
    expect(await pulled.next()).toEqual({ done: true, value: undefined });
    expect(events).toEqual(["asked", "asked", "asked", "closed"]);
  });

  it("closes when it fails, and has nothing more then", async () => {
    const broken = new TypeError("gone");
    const { pulled, events } = pulledFrom([], () => Promise.reject(broken));
    await expect(pulled.next()).rejects.toBe(broken);
    expect(await pulled.next()).toEqual({ done: true, value: undefined });
    expect(events).toEqual(["asked", "closed"]);
  });

  it("closes when an item cannot be made of what has come", async () => {
    const events: string[] = [];
    const pulled = new Pulled<string, string>({
      next: async () => "a",
      take(came) {
        throw new TypeError(`no item: ${came}`);
      },
      close: () => void events.push("closed"),
    });
    await expect(pulled.next()).rejects.toThrow("no item: a");
    expect(await pulled.next()).toEqual({ done: true, value: undefined });
    expect(events).toEqual(["closed"]);
  });

  it("closes when its reader leaves, asked or not", async () => {
    const { pulled, events } = pulledFrom(["a", "b"]);
    for await (const item of pulled) {
      expect(item).toBe("a");
      break;
    }
    const unread = pulledFrom(["a"]);
    await unread.pulled.return();
    expect([events, unread.events]).toEqual([["asked", "closed"], ["closed"]]);
  });

  it.each([["comes"], ["fails"]])("lets a reader leave when the item that is on its way %s", async (how) => {
    const coming = Promise.withResolvers<string>();
    const { pulled, events } = pulledFrom([], () => coming.promise);
    const item = pulled.next().then(
      ({ value }) => value,
      () => "failure",
    );
    const leaving = pulled.return();
    await Promise.resolve();
    expect(events).toEqual(["asked"]);
    if (how === "comes") coming.resolve("late");
    else coming.reject(new TypeError("gone"));
    await leaving;
    expect(await item).toBe(how === "comes" ? "late" : "failure");
    expect(events).toEqual(["asked", "closed"]);
  });
});
