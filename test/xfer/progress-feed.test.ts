import { describe, expect, it } from "vitest";
import { message, type StepProgress, update, waitingFor } from "../../src/progress/progress.ts";
import { ProgressFeed } from "../../src/xfer/progress-feed.ts";
import { flush, stateOf } from "./flush.ts";

const at = (bytes: number): StepProgress => update("layer", "Downloading", bytes, 100);

/** An asynchronous sink that takes one item whenever the test lets it. */
class SlowSink {
  readonly seen: StepProgress[] = [];
  concurrent = 0;
  mostConcurrent = 0;
  #gate = Promise.withResolvers<void>();

  readonly sink = async (progress: StepProgress): Promise<void> => {
    this.seen.push(progress);
    this.concurrent++;
    this.mostConcurrent = Math.max(this.mostConcurrent, this.concurrent);
    await this.#gate.promise;
    this.concurrent--;
  };

  async takeOne(): Promise<void> {
    const gate = this.#gate;
    this.#gate = Promise.withResolvers<void>();
    gate.resolve();
    await flush();
  }
}

describe("ProgressFeed.publish()", () => {
  it("tells one that hears of waits for what the job waits, and everybody else everything", async () => {
    const feed = new ProgressFeed();
    const [waits, all]: StepProgress[][] = [[], []];
    feed.subscribe((progress) => void waits?.push(progress), { waitsOnly: true });
    feed.subscribe((progress) => void all?.push(progress));
    await flush();
    const wait = waitingFor("layer", { code: "retry", words: "Retrying in 1 second" });
    const items = [at(1), wait, message("layer", "one"), at(2)];
    for (const item of items) feed.publish(item);
    expect(waits).toEqual([wait]);
    expect(all).toEqual(items);
  });

  it("gives a synchronous sink every value, in order, before it returns", async () => {
    const feed = new ProgressFeed();
    const seen: StepProgress[] = [];
    feed.subscribe((progress) => void seen.push(progress));
    await flush();
    const items = [at(1), message("layer", "one"), at(2), message("layer", "two"), message("layer", "two")];
    for (const item of items) feed.publish(item);
    expect(seen).toEqual(items);
  });

  it("leaves out an update equal to the one before", async () => {
    const feed = new ProgressFeed();
    const seen: StepProgress[] = [];
    feed.subscribe((progress) => void seen.push(progress));
    await flush();
    for (const item of [at(1), at(1), at(2), at(1), update("layer", "Verifying", 1, 100)]) feed.publish(item);
    expect(seen).toEqual([at(1), at(2), at(1), update("layer", "Verifying", 1, 100)]);
  });

  it("calls an asynchronous sink one at a time and skips to the newest update", async () => {
    const feed = new ProgressFeed();
    const slow = new SlowSink();
    feed.subscribe(slow.sink);
    await flush();
    for (let i = 1; i <= 9; i++) feed.publish(at(i));
    await slow.takeOne();
    await slow.takeOne();
    expect(slow.seen).toEqual([at(1), at(9)]);
    expect(slow.mostConcurrent).toBe(1);
  });

  it("gives the newest value to a sink that was busy when it came, without a further event", async () => {
    const feed = new ProgressFeed();
    const slow = new SlowSink();
    feed.subscribe(slow.sink);
    await flush();
    feed.publish(at(1));
    feed.publish(at(2));
    await slow.takeOne();
    expect(slow.seen).toEqual([at(1), at(2)]);
  });

  it("keeps messages for a busy sink, in their place between the updates", async () => {
    const feed = new ProgressFeed();
    const slow = new SlowSink();
    feed.subscribe(slow.sink);
    await flush();
    for (const item of [at(1), message("a", "one"), at(2), message("a", "two"), at(3)]) feed.publish(item);
    for (let i = 0; i < 4; i++) await slow.takeOne();
    expect(slow.seen).toEqual([at(1), message("a", "one"), message("a", "two"), at(3)]);
  });

  it("drops the oldest message when a stuck sink has a thousand to take", async () => {
    const feed = new ProgressFeed();
    const slow = new SlowSink();
    feed.subscribe(slow.sink);
    await flush();
    feed.publish(at(1));
    for (let i = 0; i <= 1_000; i++) feed.publish(message("a", `${i}`));
    await slow.takeOne();
    expect(slow.seen.at(-1)).toEqual(message("a", "1"));
  });

  it("does not let a slow sink hold up the others", async () => {
    const feed = new ProgressFeed();
    const slow = new SlowSink();
    const seen: StepProgress[] = [];
    feed.subscribe(slow.sink);
    feed.subscribe((progress) => void seen.push(progress));
    await flush();
    feed.publish(at(1));
    feed.publish(at(2));
    expect(seen).toEqual([at(1), at(2)]);
  });

  it("stands a sink that publishes, joins and leaves while it is called", async () => {
    const feed = new ProgressFeed();
    const outer: StepProgress[] = [];
    const inner: StepProgress[] = [];
    const subscription = feed.subscribe((progress) => {
      outer.push(progress);
      if (outer.length > 1) return;
      feed.publish(at(2));
      feed.subscribe((item) => void inner.push(item));
      void subscription.close();
    });
    await flush();
    feed.publish(at(1));
    await flush();
    feed.publish(at(3));
    expect(outer).toEqual([at(1), at(2)]);
    expect(inner).toEqual([at(2), at(3)]);
  });
});

describe("Subscription.close()", () => {
  it("resolves when the newest value is delivered and the sink is free", async () => {
    const feed = new ProgressFeed();
    const slow = new SlowSink();
    const subscription = feed.subscribe(slow.sink);
    await flush();
    feed.publish(at(1));
    feed.publish(at(2));
    const closed = subscription.close();
    feed.publish(at(3));
    expect(await stateOf(closed)).toBe("pending");
    await slow.takeOne();
    expect(await stateOf(closed)).toBe("pending");
    await slow.takeOne();
    await closed;
    expect(slow.seen).toEqual([at(1), at(2)]);
  });

  it("resolves after an asynchronous sink has failed, and calls it no more", async () => {
    const feed = new ProgressFeed();
    let calls = 0;
    const subscription = feed.subscribe(async () => {
      calls++;
      await Promise.reject(new Error("client is gone"));
    });
    await flush();
    feed.publish(at(1));
    feed.publish(at(2));
    await flush();
    feed.publish(at(3));
    await subscription.close();
    expect(calls).toBe(1);
  });
});
